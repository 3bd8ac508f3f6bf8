//! What the tests are written with.

pub(crate) mod app;
pub(crate) mod collector;
pub(crate) mod eventually;
pub(crate) mod file;
pub(crate) mod leak;
pub(crate) mod open_loop;
pub(crate) mod persona;
pub(crate) mod postgres;
pub(crate) mod process;
pub(crate) mod provider;
pub(crate) mod quiet;
pub(crate) mod quota;
pub(crate) mod raw;
pub(crate) mod received;
pub(crate) mod tencent;
pub(crate) mod world;
