//! An authority of one's own, and the certificates that it issues, good and bad.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use tempfile::TempDir;

/// An authority, and the folder of all that it issued.
pub struct Authority {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, as files.
#[derive(Clone, Debug)]
pub struct Pair {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// A certificate that signs itself, says that it is an authority, and is shown by a server all the same.
pub fn own_authority(folder: &Path) -> Pair {
    let mut parameters = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    named(&mut parameters, "both");
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let own = parameters.self_signed(&key).unwrap();
    let pair = Pair {
        certificate: folder.join("own.pem"),
        key: folder.join("own.key"),
    };
    fs::write(&pair.certificate, own.pem()).unwrap();
    fs::write(&pair.key, key.serialize_pem()).unwrap();
    pair
}

impl Authority {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        let name = folder.path().file_name().unwrap().to_string_lossy();
        named(&mut parameters, &format!("authority {name}"));
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let own = parameters.self_signed(&key).unwrap();
        fs::write(folder.path().join("ca.pem"), own.pem()).unwrap();
        Self {
            folder,
            issuer: Issuer::new(parameters, key),
        }
    }

    /// The file of its own certificate.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Issues a certificate for these names, from and to the first of January of these years.
    pub fn issue(&self, file: &str, names: &[&str], years: [i32; 2]) -> Pair {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut parameters = CertificateParams::new(names).unwrap();
        parameters.not_before = date_time_ymd(years[0], 1, 1);
        parameters.not_after = date_time_ymd(years[1], 1, 1);
        named(&mut parameters, file);
        let key = KeyPair::generate().unwrap();
        let issued = parameters.signed_by(&key, &self.issuer).unwrap();
        let pair = Pair {
            certificate: self.folder.path().join(format!("{file}.pem")),
            key: self.folder.path().join(format!("{file}.key")),
        };
        fs::write(&pair.certificate, issued.pem()).unwrap();
        fs::write(&pair.key, key.serialize_pem()).unwrap();
        pair
    }

    /// Issues one that is right for this machine.
    pub fn issue_good(&self, file: &str) -> Pair {
        self.issue(file, &["localhost", "127.0.0.1"], [2020, 2090])
    }
}

/// Without a name of its own a certificate looks as if it had signed itself.
fn named(parameters: &mut CertificateParams, name: &str) {
    parameters.distinguished_name.push(DnType::CommonName, name);
}

impl Pair {
    /// Puts this pair where another one stands, key first, each whole.
    pub fn replace(&self, place: &Self) {
        let put = |from: &Path, to: &Path| {
            let fresh = to.with_extension("fresh");
            fs::copy(from, &fresh).unwrap();
            fs::rename(fresh, to).unwrap();
        };
        put(&self.key, &place.key);
        put(&self.certificate, &place.certificate);
    }

    /// The flags of a server that shows it.
    pub fn flags(&self) -> [String; 4] {
        let text = |path: &Path| path.display().to_string();
        [
            "--tls-cert".to_owned(),
            text(&self.certificate),
            "--tls-key".to_owned(),
            text(&self.key),
        ]
    }
}
