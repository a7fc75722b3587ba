//! A large file goes up and down whole by the real programs, over a link that breaks and servers that are killed; hardly
//! anything is sent twice, and neither side takes more memory than for a small one.

use std::{fs, time::Duration};

use crate::support::{
    self, Server, eventually,
    file::noise,
    proxy::{Mark, Proxy, Way},
    rng::Rng,
    server::peak_of,
    terminal::Home,
};

const MIB: u64 = 1 << 20;
const SIZE: u64 = 100 * MIB;
/// How often the link breaks, each way.
const CUTS: usize = 5;
/// What a server may take more than before: 1 MiB for the transfer, the 8 MiB of the connection's window, and pages of the
/// program and of the store that it had not touched before. It takes about 6; a sixth of the file would be more than this.
const MORE_MAX: u64 = 16 * MIB;
/// All that a client may take. A file that it held in memory would be more.
const CLIENT_MAX: u64 = 64 * MIB;
/// The longest that one way may take: in a build without optimisation.
const LONGEST: Duration = Duration::from_secs(300);

/// A server that is killed while a file is under way, and what its lives took.
struct Lives {
    server: Server,
    /// The peak of this life before the transfer.
    before: u64,
    /// How much more each life took.
    more: Vec<u64>,
}

impl Lives {
    fn of(server: Server) -> Self {
        Self {
            before: server.peak(),
            server,
            more: Vec::new(),
        }
    }

    /// This life ends, so that the next begins: on the same folder.
    fn kill9(mut self, proxy: &Proxy) -> Self {
        self.note();
        self.server.kill9();
        let server = self.server.restart();
        proxy.lead_to(&server);
        Self {
            before: server.peak(),
            server,
            more: self.more,
        }
    }

    fn note(&mut self) {
        self.more.push(self.server.peak() - self.before);
    }
}

/// Moves the file, with cuts and a kill; answers what was printed, and the peak of the client.
async fn moved(
    way: Way,
    arguments: &[&str],
    (home, proxy, rng): (&Home, &Proxy, &mut Rng),
    lives: Lives,
) -> (Lives, String, u64) {
    let (before, cuts_before) = (proxy.passed(way), proxy.cuts());
    for _ in 0..CUTS {
        proxy.mark(way, rng.within(1..SIZE), Mark::Cut);
    }
    proxy.mark(way, rng.within(SIZE / 3..SIZE * 2 / 3), Mark::Hold);
    let arguments = [&["--user", "ann"], arguments].concat();
    let mut client = home.start(proxy.address(), &arguments);
    proxy.held(way).await;
    let lives = lives.kill9(proxy);
    proxy.let_go(way);
    let mut peak = 0;
    let mut status = None;
    eventually("the whole is there", LONGEST, || {
        peak = peak_of(client.pid()).unwrap_or(peak);
        status = client.ended();
        status.is_some()
    })
    .await;
    let (said, complained) = client.said();
    assert!(status.unwrap().success(), "{said}{complained}");
    assert_eq!(
        proxy.cuts() - cuts_before,
        CUTS,
        "{way:?}: it was cut as often"
    );
    let ratio = (proxy.passed(way) - before) as f64 / SIZE as f64;
    println!("{way:?}: {ratio:.4} x the size, with {CUTS} cuts and a kill");
    assert!(ratio <= 1.1, "{way:?}: {ratio}");
    (lives, said.trim().to_owned(), peak)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_mebibytes_go_up_and_down_over_cuts_and_kills() {
    let _turn = support::heavy().await;
    let seed = support::seed();
    let mut rng = Rng::new(seed);
    let home = Home::new();
    let (source, place) = (home.path().join("large.bin"), home.path().join("came.bin"));
    let hash = {
        let bytes = noise(SIZE as usize, seed);
        fs::write(&source, &bytes).unwrap();
        blake3::hash(&bytes)
    };
    let server = Server::start();
    let proxy = Proxy::to(&server);
    let login = home.run(proxy.address(), &["--user", "ann", "login"], b"");
    assert!(login.status.success(), "{login:?}");
    let lives = Lives::of(server);

    let path = source.to_str().unwrap();
    let surroundings = (&home, &proxy, &mut rng);
    let (lives, file, peak_up) = moved(Way::Up, &["upload", path], surroundings, lives).await;
    let path = place.to_str().unwrap();
    let surroundings = (&home, &proxy, &mut rng);
    let fetch = ["download", &file, path];
    let (mut lives, said, peak_down) = moved(Way::Down, &fetch, surroundings, lives).await;
    assert_eq!(said, path);
    lives.note();

    let came = fs::read(&place).unwrap();
    assert_eq!((came.len() as u64, blake3::hash(&came)), (SIZE, hash));
    // Nothing half is left, on either side.
    let names = fs::read_dir(home.path()).unwrap();
    let parts = names.filter(|it| it.as_ref().unwrap().path().extension() == Some("part".as_ref()));
    assert_eq!(parts.count(), 0);
    assert!(super::uploads_under(lives.server.data()).is_empty());

    let mib = |bytes: &u64| *bytes as f64 / MIB as f64;
    let more: Vec<String> = lives
        .more
        .iter()
        .map(|it| format!("{:.1}", mib(it)))
        .collect();
    println!(
        "memory: the lives of the server took {} MiB more than at their start; the client in all {:.1} MiB up, {:.1} MiB down",
        more.join(", "),
        mib(&peak_up),
        mib(&peak_down)
    );
    assert_eq!(lives.more.len(), 3);
    assert!(lives.more.iter().all(|more| *more <= MORE_MAX), "{more:?}");
    assert!((1..=CLIENT_MAX).contains(&peak_up), "{peak_up}");
    assert!((1..=CLIENT_MAX).contains(&peak_down), "{peak_down}");
}
