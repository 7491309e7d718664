//! Keys of fixed numbers, and SSH signatures in the encodings of OpenSSH's PROTOCOL.sshsig and PROTOCOL.u2f.

use crate::Fallible;
use base64ct::{Base64, Encoding as _};
use gate_bundle::{Digest, Role, signing_namespace};
use p256::ecdsa::signature::Signer as _;
use ssh_key::{HashAlg, SshSig};

/// `ssh-keygen` gives security keys this name.
const APPLICATION: &[u8] = b"ssh:";
/// Somebody touched it.
pub const TOUCHED: u8 = 0x01;

pub enum Pair {
    Ed25519(ed25519_dalek::SigningKey),
    P256(p256::ecdsa::SigningKey),
}

/// A key in a file, or the same key in a device.
pub struct Key {
    pub pair: Pair,
    pub device: bool,
}

/// Everything about a signature that may be wrong.
pub struct Signature<'a> {
    pub namespace: &'a str,
    pub version: u32,
    pub reserved: &'a [u8],
    pub hash: &'a str,
    pub flags: u8,
    /// Zero bytes after all.
    pub further: usize,
}

impl Signature<'_> {
    pub fn sound(role: Role) -> Self {
        let namespace = signing_namespace(role);
        Self { namespace, version: 1, reserved: b"", hash: "sha512", flags: TOUCHED, further: 0 }
    }
}

impl Key {
    pub fn ed25519(number: u8, device: bool) -> Self {
        Self { pair: Pair::Ed25519(ed25519_dalek::SigningKey::from_bytes(&[number; 32])), device }
    }

    pub fn p256(number: u8, device: bool) -> Fallible<Self> {
        Ok(Self { pair: Pair::P256(p256::ecdsa::SigningKey::from_slice(&[number; 32])?), device })
    }

    fn kind(&self) -> &'static str {
        match (&self.pair, self.device) {
            (Pair::Ed25519(_), false) => "ssh-ed25519",
            (Pair::Ed25519(_), true) => "sk-ssh-ed25519@openssh.com",
            (Pair::P256(_), false) => "ecdsa-sha2-nistp256",
            (Pair::P256(_), true) => "sk-ecdsa-sha2-nistp256@openssh.com",
        }
    }

    fn public(&self) -> Vec<u8> {
        let point = match &self.pair {
            Pair::Ed25519(key) => string(key.verifying_key().as_bytes()),
            Pair::P256(key) => {
                [string(b"nistp256"), string(key.verifying_key().to_encoded_point(false).as_bytes())].concat()
            }
        };
        let application = if self.device { string(APPLICATION) } else { Vec::new() };
        [string(self.kind().as_bytes()), point, application].concat()
    }

    /// As in a `.pub` file.
    pub fn line(&self) -> String {
        format!("{} {}", self.kind(), Base64::encode_string(&self.public()))
    }

    /// A sound signature.
    pub fn sign(&self, role: Role, message: &[u8]) -> Fallible<String> {
        Ok(armor(&self.blob(&Signature::sound(role), message)?))
    }

    /// The bytes inside the armor.
    pub fn blob(&self, of: &Signature<'_>, message: &[u8]) -> Fallible<Vec<u8>> {
        let hash = if of.hash == "sha256" { HashAlg::Sha256 } else { HashAlg::Sha512 };
        let data = SshSig::signed_data(of.namespace, hash, message)?;
        let state = [&[of.flags][..], &7_u32.to_be_bytes()].concat();
        let digest = |bytes: &[u8]| *Digest::of(bytes).as_bytes();
        // A device signs its application, its flags and its counter with the message.
        let signed = if self.device { [&digest(APPLICATION)[..], &state, &digest(&data)].concat() } else { data };
        let made = match &self.pair {
            Pair::Ed25519(key) => key.sign(&signed).to_bytes().to_vec(),
            Pair::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(&signed);
                [mpint(&signature.r().to_bytes()), mpint(&signature.s().to_bytes())].concat()
            }
        };
        let state = if self.device { state } else { Vec::new() };
        let made = [string(self.kind().as_bytes()), string(&made), state].concat();
        let texts = [of.namespace.as_bytes(), of.reserved, of.hash.as_bytes()].map(string).concat();
        let head = [b"SSHSIG", &of.version.to_be_bytes()[..]].concat();
        Ok([head, string(&self.public()), texts, string(&made), vec![0; of.further]].concat())
    }
}

pub fn armor(blob: &[u8]) -> String {
    let text = Base64::encode_string(blob);
    let lines: Vec<_> = text.as_bytes().chunks(70).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n", lines.join("\n"))
}

fn string(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_be_bytes(), bytes].concat()
}

/// A positive integer as SSH writes it.
fn mpint(bytes: &[u8]) -> Vec<u8> {
    let digits: Vec<u8> = bytes.iter().copied().skip_while(|byte| *byte == 0).collect();
    let sign = digits.first().is_some_and(|byte| byte & 0x80 != 0);
    string(&[if sign { &[0][..] } else { &[] }, &digits].concat())
}
