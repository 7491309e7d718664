//! The shop's policy, as it is in the repository: what an input needs around it.

pub(crate) const SERVICES: &str = include_str!("../../../policies/shop/services.toml");
pub(crate) const RULES: &str = include_str!("../../../policies/shop/shop.cedar");
