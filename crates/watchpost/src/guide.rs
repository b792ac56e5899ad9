//! Pages that explain more than one item.

#[doc = include_str!("../docs/config.md")]
pub mod config {}

#[doc = include_str!("../docs/cost.md")]
pub mod cost {}

#[doc = include_str!("../docs/crons.md")]
pub mod crons {}

#[doc = include_str!("../docs/delivery.md")]
pub mod delivery {}

#[doc = include_str!("../docs/gen_ai.md")]
pub mod gen_ai {}

#[doc = include_str!("../docs/local.md")]
pub mod local {}
#[doc = include_str!("../docs/errors.md")]
pub mod errors {}

#[doc = include_str!("../docs/from_sentry.md")]
pub mod from_sentry {}

#[doc = include_str!("../docs/profiling.md")]
pub mod profiling {}
#[doc = include_str!("../docs/logs.md")]
pub mod logs {}

#[doc = include_str!("../docs/metrics.md")]
pub mod metrics {}

#[doc = include_str!("../docs/tasks.md")]
pub mod tasks {}

#[doc = include_str!("../docs/testing.md")]
pub mod testing {}

#[doc = include_str!("../docs/troubleshooting.md")]
pub mod troubleshooting {}

#[doc = include_str!("../docs/users.md")]
pub mod users {}
