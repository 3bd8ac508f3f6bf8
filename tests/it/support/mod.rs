//! What the tests are written with.

pub(crate) mod app;
pub(crate) mod eventually;
pub(crate) mod persona;
pub(crate) mod postgres;
pub(crate) mod process;
pub(crate) mod world;
