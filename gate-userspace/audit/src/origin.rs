//! The log's name.

use gate_host::HostConfig;

/// The log's origin, which also names its key: the environment, the host, and the duties that root enrolled. A host
/// that is enrolled anew begins another log.
#[must_use]
pub fn origin(config: &HostConfig) -> String {
    let enrolled: String = config.enrolled().duties_sha256.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("gate/{}/{}/{enrolled}", config.environment(), config.host())
}
