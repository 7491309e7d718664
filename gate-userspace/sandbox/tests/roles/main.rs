//! Each role's sandbox, tried from inside: what must fail fails there, and the same attempt works outside.

#[cfg(test)]
mod attempts;
#[cfg(test)]
mod descriptors;
#[cfg(test)]
mod host;
#[cfg(test)]
mod probe;
#[cfg(test)]
mod sockets;
#[cfg(test)]
mod work;
