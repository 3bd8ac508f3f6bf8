//! What stands between modgate and those who call it: proxies, and browsers.

mod browsers;
mod origins;
mod proxies;
