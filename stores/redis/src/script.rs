//! The steps that have to be atomic: scripts that run in the server.

use std::sync::LazyLock;

use redis::{Cmd, ErrorKind, FromRedisValue, RedisResult, ServerErrorKind, ToRedisArgs};

use crate::link::Link;

pub(crate) static APPEND: LazyLock<Script> =
    LazyLock::new(|| Script::new(&[LOG, include_str!("scripts/append.lua")]));
pub(crate) static END: LazyLock<Script> =
    LazyLock::new(|| Script::new(&[LOG, include_str!("scripts/end.lua")]));
pub(crate) static END_ALL: LazyLock<Script> =
    LazyLock::new(|| Script::new(&[LOG, include_str!("scripts/end_all.lua")]));
pub(crate) static END_API_KEY: LazyLock<Script> =
    LazyLock::new(|| Script::new(&[include_str!("scripts/end_api_key.lua")]));
pub(crate) static END_API_KEYS: LazyLock<Script> =
    LazyLock::new(|| Script::new(&[include_str!("scripts/end_api_keys.lua")]));
pub(crate) static END_BEGUN_BEFORE: LazyLock<Script> =
    LazyLock::new(|| Script::new(&[LOG, include_str!("scripts/end_begun_before.lua")]));
pub(crate) static END_REALM: LazyLock<Script> =
    LazyLock::new(|| Script::new(&[LOG, include_str!("scripts/end_realm.lua")]));
pub(crate) static EPOCH: LazyLock<Script> =
    LazyLock::new(|| Script::new(&[include_str!("scripts/epoch.lua")]));
pub(crate) static HEALTH: LazyLock<Script> =
    LazyLock::new(|| Script::new(&[include_str!("scripts/health.lua")]));
pub(crate) static LAYOUT: LazyLock<Script> =
    LazyLock::new(|| Script::new(&[include_str!("scripts/layout.lua")]));
pub(crate) static LIST: LazyLock<Script> =
    LazyLock::new(|| Script::new(&[include_str!("scripts/list.lua")]));
pub(crate) static LIST_API_KEYS: LazyLock<Script> =
    LazyLock::new(|| Script::new(&[include_str!("scripts/list_api_keys.lua")]));
pub(crate) static MARK: LazyLock<Script> =
    LazyLock::new(|| Script::new(&[ORDER, include_str!("scripts/mark.lua")]));
pub(crate) static POLICY: LazyLock<Script> =
    LazyLock::new(|| Script::new(&[include_str!("scripts/policy.lua")]));
pub(crate) static PUT: LazyLock<Script> =
    LazyLock::new(|| Script::new(&[ORDER, include_str!("scripts/put.lua")]));
pub(crate) static PUT_API_KEY: LazyLock<Script> =
    LazyLock::new(|| Script::new(&[include_str!("scripts/put_api_key.lua")]));
pub(crate) static REPLACE_RING: LazyLock<Script> =
    LazyLock::new(|| Script::new(&[include_str!("scripts/replace_ring.lua")]));
pub(crate) static RESTORED: LazyLock<Script> =
    LazyLock::new(|| Script::new(&[include_str!("scripts/restored.lua")]));
pub(crate) static SET_DATA: LazyLock<Script> =
    LazyLock::new(|| Script::new(&[include_str!("scripts/set_data.lua")]));
pub(crate) static SWEEP: LazyLock<Script> =
    LazyLock::new(|| Script::new(&[LOG, include_str!("scripts/sweep.lua")]));
pub(crate) static TIME: LazyLock<Script> =
    LazyLock::new(|| Script::new(&[include_str!("scripts/time.lua")]));
pub(crate) static TOUCH_API_KEY: LazyLock<Script> =
    LazyLock::new(|| Script::new(&[include_str!("scripts/touch_api_key.lua")]));

/// Parts that scripts share.
const LOG: &str = include_str!("scripts/log.lua");
const ORDER: &str = include_str!("scripts/order.lua");

/// A script, and the hash that a server knows it by once it has seen it.
pub(crate) struct Script {
    text: String,
    hash: String,
}

impl Script {
    fn new(parts: &[&str]) -> Self {
        let text = parts.concat();
        Self {
            hash: redis::Script::new(&text).get_hash().to_owned(),
            text,
        }
    }

    /// Runs it with these keys and arguments, which are what the head of the script says.
    pub(crate) async fn run<T: FromRedisValue>(
        &self,
        link: &Link,
        keys: &[&str],
        args: Args,
    ) -> RedisResult<T> {
        let known = call("EVALSHA", &self.hash, keys, &args);
        match link.send(&known).await {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                link.send(&call("EVAL", &self.text, keys, &args)).await
            }
            result => result,
        }
    }
}

fn call(command: &str, script: &str, keys: &[&str], args: &Args) -> Cmd {
    let mut call = redis::cmd(command);
    call.arg(script).arg(keys.len()).arg(keys).arg(&args.0);
    call
}

/// The arguments of a script.
#[derive(Default)]
pub(crate) struct Args(Vec<Vec<u8>>);

impl Args {
    pub(crate) fn with(mut self, arg: impl ToRedisArgs) -> Self {
        arg.write_redis_args(&mut self.0);
        self
    }

    #[cfg(fuzzing)]
    pub(crate) fn into_inner(self) -> Vec<Vec<u8>> {
        self.0
    }
}
