//! Tests beside which nothing else runs, as they time single answers. They come early in the order of the names,
//! so that nobody waits for them later.

mod fairness;
mod listeners;
mod pipelined;
mod readers;
