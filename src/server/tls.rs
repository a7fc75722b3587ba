//! TLS for the listeners: a key of one's own made once, or files that are read again when they change.
//!
//! rustls with ring; TLS 1.2 and 1.3; ALPN offers HTTP/2, then HTTP/1.1 for gRPC-Web. A certificate that cannot be read
//! at a reload leaves the old one in place: connections live on either way.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwap;
use chrono::{Datelike, Utc};
use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::domain::fingerprint::Fingerprint;

/// Where a self-signed certificate and its key stand in the data folder.
const FOLDER: &str = "tls";
const CERTIFICATE: &str = "cert.pem";
const KEY: &str = "key.pem";
/// Years that a self-signed certificate is good for. Clients pin it, so a new one is a nuisance.
const YEARS: i32 = 20;
/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// A certificate file that is larger is none.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Where the certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsSource {
    /// Made once, and kept in this data folder.
    SelfSigned(PathBuf),
    /// Given by the operator.
    Files {
        /// The certificate, and those that vouch for it.
        certificate: PathBuf,
        /// Its private key.
        key: PathBuf,
    },
}

impl TlsSource {
    /// The file of the certificate.
    pub fn certificate(&self) -> PathBuf {
        match self {
            Self::SelfSigned(folder) => folder.join(FOLDER).join(CERTIFICATE),
            Self::Files { certificate, .. } => certificate.clone(),
        }
    }

    /// The file of the key.
    pub fn key(&self) -> PathBuf {
        match self {
            Self::SelfSigned(folder) => folder.join(FOLDER).join(KEY),
            Self::Files { key, .. } => key.clone(),
        }
    }
}

/// Why TLS cannot be served. Each says the mend.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {file}: {cause}; see that it is there and that this user may read it")]
    Read {
        /// The file.
        file: String,
        /// What the system said.
        cause: String,
    },
    /// A file holds something else.
    #[error("{file} holds no {wanted} in PEM ({cause}); give a PEM file with one")]
    Pem {
        /// The file.
        file: String,
        /// What should be in it.
        wanted: &'static str,
        /// What was found.
        cause: String,
    },
    /// The two do not belong together, or are of a kind that is not served.
    #[error(
        "the certificate {certificate} and the key {key} cannot be used: {cause}; give a pair that belongs together"
    )]
    Pair {
        /// The certificate.
        certificate: String,
        /// The key.
        key: String,
        /// What is wrong.
        cause: String,
    },
    /// A self-signed certificate cannot be made or kept.
    #[error(
        "cannot make a certificate in {folder}: {cause}; give a data folder that you may write with --data"
    )]
    Make {
        /// Where it should stand.
        folder: String,
        /// What went wrong.
        cause: String,
    },
}

/// What new connections are served with.
pub struct Tls {
    source: TlsSource,
    current: ArcSwap<Current>,
}

struct Current {
    config: Arc<ServerConfig>,
    fingerprint: Fingerprint,
    stamp: Stamp,
}

/// What tells a changed file: when it was written and how long it is.
type Stamp = [Option<(SystemTime, u64)>; 2];

impl Tls {
    /// Reads the certificate, making a self-signed one if there is none yet.
    pub fn open(source: TlsSource) -> Result<Self, TlsError> {
        if let TlsSource::SelfSigned(_) = &source
            && !(source.certificate().exists() && source.key().exists())
        {
            make(&source).map_err(|cause| TlsError::Make {
                folder: shown(&source.certificate()),
                cause,
            })?;
        }
        let current = ArcSwap::from_pointee(read(&source)?);
        Ok(Self { source, current })
    }

    /// What the next connection is served with.
    pub fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.load().config)
    }

    /// The fingerprint of the certificate.
    pub fn fingerprint(&self) -> Fingerprint {
        self.current.load().fingerprint
    }

    /// The file of the certificate, for clients that are told whom to trust.
    pub fn certificate(&self) -> PathBuf {
        self.source.certificate()
    }

    /// Reads the files again. What cannot be served is told and changes nothing.
    pub fn reload(&self) {
        match read(&self.source) {
            Ok(fresh) => {
                info!(fingerprint = %fresh.fingerprint, "certificate read");
                self.current.store(Arc::new(fresh));
            }
            Err(error) => warn!(%error, "the certificate was not read again; the old one stays"),
        }
    }

    /// Reads the files again whenever they change, until told to end.
    pub async fn watch(self: Arc<Self>, ended: CancellationToken) {
        let mut seen = self.current.load().stamp;
        let mut beat = tokio::time::interval(LOOK_EVERY);
        while ended.run_until_cancelled(beat.tick()).await.is_some() {
            let now = stamp(&self.source);
            // Each change is tried once: a half-written pair is told once, and read when it is whole.
            if now != seen {
                seen = now;
                self.reload();
            }
        }
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn stamp(source: &TlsSource) -> Stamp {
    [source.certificate(), source.key()].map(|file| {
        let about = fs::metadata(file).ok()?;
        Some((about.modified().ok()?, about.len()))
    })
}

fn read(source: &TlsSource) -> Result<Current, TlsError> {
    let stamp = stamp(source);
    let (certificate, key) = (source.certificate(), source.key());
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&bytes(&certificate)?)
        .collect::<Result<_, _>>()
        .map_err(|cause| pem(&certificate, "certificate", &cause.to_string()))?;
    let Some(first) = chain.first() else {
        return Err(pem(&certificate, "certificate", "it is empty of them"));
    };
    let fingerprint = Fingerprint::of(first);
    let private = PrivateKeyDer::from_pem_slice(&bytes(&key)?)
        .map_err(|cause| pem(&key, "private key", &cause.to_string()))?;
    let pair = |cause: rustls::Error| TlsError::Pair {
        certificate: shown(&certificate),
        key: shown(&key),
        cause: cause.to_string(),
    };
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(pair)?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(pair)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Current {
        config: Arc::new(config),
        fingerprint,
        stamp,
    })
}

fn pem(file: &Path, wanted: &'static str, cause: &str) -> TlsError {
    TlsError::Pem {
        file: shown(file),
        wanted,
        cause: cause.to_owned(),
    }
}

fn bytes(file: &Path) -> Result<Vec<u8>, TlsError> {
    use io::Read as _;
    let trouble = |cause: String| TlsError::Read {
        file: shown(file),
        cause,
    };
    let opened = fs::File::open(file).map_err(|cause| trouble(cause.to_string()))?;
    let mut bytes = Vec::new();
    opened
        .take(FILE_BYTES_MAX)
        .read_to_end(&mut bytes)
        .map_err(|cause| trouble(cause.to_string()))?;
    Ok(bytes)
}

/// Makes a key and a certificate for this machine, signed by itself.
fn make(source: &TlsSource) -> Result<(), String> {
    let (certificate, key) = (source.certificate(), source.key());
    let folder = certificate.parent().ok_or("no folder")?;
    let text = |error: io::Error| error.to_string();
    private_folder(folder).map_err(text)?;
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".into(), "::1".into()];
    names.extend(host_name());
    let mut parameters = CertificateParams::new(names).map_err(|error| error.to_string())?;
    parameters
        .distinguished_name
        .push(DnType::CommonName, "TinyChat server");
    let today = Utc::now();
    // The first of a month, so that a client whose clock is a little behind accepts it today.
    let (year, month) = (today.year(), u8::try_from(today.month()).unwrap_or(1));
    let before = if today.day() > 1 {
        month
    } else {
        (month + 10) % 12 + 1
    };
    let year_before = if before > month { year - 1 } else { year };
    parameters.not_before = rcgen::date_time_ymd(year_before, before, 1);
    parameters.not_after = rcgen::date_time_ymd(year + YEARS, month, 1);
    let pair = KeyPair::generate().map_err(|error| error.to_string())?;
    let made = parameters
        .self_signed(&pair)
        .map_err(|error| error.to_string())?;
    // The key first: a certificate without it is made anew at the next start.
    write_private(&key, pair.serialize_pem().as_bytes()).map_err(text)?;
    write_private(&certificate, made.pem().as_bytes()).map_err(text)
}

/// The name of this machine, if it is one that a certificate can hold.
pub fn host_name() -> Option<String> {
    let name = rustix::system::uname();
    let name = name.nodename().to_str().ok()?.to_owned();
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    (!name.is_empty() && name.len() <= 253 && name.chars().all(fits)).then_some(name)
}

fn private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Writes a file that is there whole or not at all, and that only its owner can read.
fn write_private(file: &Path, bytes: &[u8]) -> io::Result<()> {
    use io::Write as _;
    let fresh = file.with_extension("new");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut opened = options.open(&fresh)?;
    opened.write_all(bytes)?;
    opened.sync_all()?;
    fs::rename(&fresh, file)?;
    match file.parent() {
        Some(folder) => fs::File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_self_signed_certificate_is_made_once_and_its_key_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let source = TlsSource::SelfSigned(folder.path().to_owned());
        let first = Tls::open(source.clone()).unwrap();
        assert!(first.certificate().is_file());
        let again = Tls::open(source.clone()).unwrap();
        assert_eq!(first.fingerprint(), again.fingerprint());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(source.key()).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let protocols = first.config().alpn_protocols.clone();
        assert_eq!(protocols, [b"h2".to_vec(), b"http/1.1".to_vec()]);
    }

    #[test]
    fn what_cannot_be_served_is_told_with_its_mend() {
        let folder = tempfile::tempdir().unwrap();
        let made = TlsSource::SelfSigned(folder.path().join("one"));
        let other = TlsSource::SelfSigned(folder.path().join("two"));
        Tls::open(made.clone()).unwrap();
        Tls::open(other.clone()).unwrap();
        let error = |certificate: PathBuf, key: PathBuf| {
            let error = Tls::open(TlsSource::Files { certificate, key }).err();
            let text = error.unwrap().to_string();
            text.replace(&folder.path().display().to_string(), "FOLDER")
        };
        let missing = error(folder.path().join("none.pem"), made.key());
        let empty = folder.path().join("empty.pem");
        fs::write(&empty, "").unwrap();
        let texts = [
            missing,
            error(empty.clone(), made.key()),
            error(made.certificate(), empty),
            error(made.certificate(), other.key()),
        ];
        insta::assert_snapshot!(texts.join("\n"));
    }

    #[test]
    fn a_reload_takes_the_new_certificate_and_keeps_the_old_one_if_it_cannot() {
        let folder = tempfile::tempdir().unwrap();
        let source = TlsSource::SelfSigned(folder.path().to_owned());
        let tls = Tls::open(source.clone()).unwrap();
        let first = tls.fingerprint();
        fs::write(source.certificate(), "torn").unwrap();
        tls.reload();
        assert_eq!(tls.fingerprint(), first);
        make(&source).unwrap();
        tls.reload();
        assert_ne!(tls.fingerprint(), first);
    }
}
