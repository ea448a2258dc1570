//! Real servers for the tests of stores: private ones, on free ports of this machine.

mod postgres;
mod proxy;
mod redis;

pub use self::{
    postgres::Postgres,
    proxy::Proxy,
    redis::{Redis, RedisCluster},
};
