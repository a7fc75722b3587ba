//! A server of files that each test makes go wrong in its own way, and a wire that breaks where the test says.

use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
};

use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};
use tokio_stream::{Stream, StreamExt, wrappers::TcpListenerStream};
use tonic::{Code, Request, Response, Status, Streaming, transport::Server};
use tonic_types::{ErrorDetails, StatusExt};

use crate::{
    client::net::{connect::ServerAddress, session::Session, tls::Security},
    pb::{
        self,
        servers::file_service_server::{FileService, FileServiceServer},
    },
};

/// An upload as the server has it.
#[derive(Clone, Debug, Default)]
pub struct Begun {
    pub asked: pb::CreateUploadRequest,
    pub bytes: Vec<u8>,
    pub is_done: bool,
}

type Lie = Box<dyn Fn(u64) -> u64 + Send>;
type Answers = Box<dyn Fn(pb::File, Bytes, u64) -> Vec<pb::DownloadResponse> + Send>;

/// All that the server has, and how it goes wrong.
#[derive(Default)]
pub struct World {
    pub uploads: BTreeMap<String, Begun>,
    pub files: BTreeMap<String, (pb::File, Bytes)>,
    /// The calls that came.
    pub calls: Vec<&'static str>,
    /// Bytes that came in chunks, and that went out.
    pub received: u64,
    pub given: u64,
    /// The next calls of these names that are refused.
    pub refuse: VecDeque<(&'static str, Status)>,
    /// After so many bytes each, the next streams break.
    pub cuts: VecDeque<u64>,
    /// What it says instead of where an upload stands.
    pub lies_of_place: Option<Lie>,
    /// What it says instead of what it took.
    pub lies_of_taken: Option<Lie>,
    /// What it answers to a download instead of the file.
    pub answers: Option<Answers>,
    /// Whether it takes down wrong what came.
    pub spoils: bool,
    /// Whether it forgets all that it took when a stream breaks.
    pub forgets: bool,
    /// How many of the next uploads with a thumbnail it begins only after that is gone.
    pub forgets_thumbnails: u32,
    /// Whether ids of uploads are longer than anybody notes.
    pub has_long_ids: bool,
    /// Whether it never answers a stream of chunks, and never reads it.
    pub is_deaf: bool,
}

/// A refusal with its reason.
pub fn refusal(code: Code, reason: &str) -> Status {
    let mut details = ErrorDetails::new();
    details.set_error_info(reason, "tinychat", std::collections::HashMap::new());
    Status::with_error_details(code, "no", details)
}

/// Bytes that do not repeat.
pub fn noise(bytes: usize) -> Bytes {
    let mut reader = blake3::Hasher::new().update(b"noise").finalize_xof();
    let mut noise = vec![0; bytes];
    reader.fill(&mut noise);
    noise.into()
}

impl World {
    fn called(&mut self, call: &'static str) -> Result<(), Status> {
        self.calls.push(call);
        match self.refuse.front() {
            Some((refused, _)) if *refused == call => {
                Err(self.refuse.pop_front().map(|(_, status)| status).unwrap())
            }
            _ => Ok(()),
        }
    }

    pub fn count(&self, call: &str) -> usize {
        self.calls.iter().filter(|it| **it == call).count()
    }

    /// Puts a file there.
    pub fn add_file(&mut self, name: &str, bytes: &Bytes) -> String {
        let id = format!("f{}", self.files.len() + 100);
        let file = pb::File {
            id: id.clone(),
            name: name.to_owned(),
            size_bytes: bytes.len() as u64,
            blake3: Bytes::copy_from_slice(blake3::hash(bytes).as_bytes()),
            ..pb::File::default()
        };
        self.files.insert(id.clone(), (file, bytes.clone()));
        id
    }
}

/// The server, and the wire to it.
pub struct Stage {
    world: Arc<Mutex<World>>,
    /// Bytes that may be taken, or given, in all.
    pub gate: watch::Sender<u64>,
    address: SocketAddr,
    tasks: JoinSet<()>,
}

struct Fake {
    world: Arc<Mutex<World>>,
    gate: watch::Receiver<u64>,
}

impl Stage {
    pub async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let world = Arc::new(Mutex::new(World::default()));
        let (gate, opened) = watch::channel(u64::MAX);
        let fake = Fake {
            world: Arc::clone(&world),
            gate: opened,
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            Server::builder()
                .add_service(FileServiceServer::new(fake))
                .serve_with_incoming(TcpListenerStream::new(listener))
                .await
                .unwrap();
        });
        Self {
            world,
            gate,
            address,
            tasks,
        }
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    pub fn session(&self) -> Session {
        session(self.address)
    }

    /// A session over a wire whose connections break after so many bytes each, in either direction; those after the last
    /// hold.
    pub async fn broken_session(&mut self, cuts: Vec<usize>) -> Session {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (front, back) = (listener.local_addr().unwrap(), self.address);
        self.tasks.spawn(async move {
            let mut cuts = cuts.into_iter();
            let mut wires = JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                let far = TcpStream::connect(back).await.unwrap();
                wires.spawn(carry(near, far, cuts.next().unwrap_or(usize::MAX)));
            }
        });
        session(front)
    }
}

fn session(address: SocketAddr) -> Session {
    let address: ServerAddress = address.to_string().parse().unwrap();
    Session::open(&address, &Security::Plaintext).unwrap()
}

async fn carry(mut near: TcpStream, mut far: TcpStream, mut left: usize) {
    let (mut out, mut back) = (vec![0; 16 * 1024], vec![0; 16 * 1024]);
    while left > 0 {
        let carried = tokio::select! {
            read = near.read(&mut out) => {
                let length = read.unwrap_or(0).min(left);
                far.write_all(&out[..length]).await.map(|()| length)
            }
            read = far.read(&mut back) => {
                let length = read.unwrap_or(0).min(left);
                near.write_all(&back[..length]).await.map(|()| length)
            }
        };
        match carried {
            Ok(0) | Err(_) => return,
            Ok(length) => left -= length,
        }
    }
}

impl Fake {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    fn begin(&self, asked: pb::CreateUploadRequest) -> Result<pb::CreateUploadResponse, Status> {
        let mut world = self.world();
        world.called("create")?;
        let end = match world.has_long_ids {
            true => "0".repeat(200),
            false => String::new(),
        };
        let id = format!("p{}{end}", world.uploads.len() + 1);
        let begun = Begun {
            asked,
            ..Begun::default()
        };
        let thumbnail = begun.asked.thumbnail_file_id.clone();
        if world.forgets_thumbnails > 0 && !thumbnail.is_empty() {
            world.forgets_thumbnails -= 1;
            world.files.remove(&thumbnail);
        }
        if !thumbnail.is_empty() && !world.files.contains_key(&thumbnail) {
            return Err(refusal(Code::NotFound, "FILE_NOT_FOUND"));
        }
        let upload = upload(&id, &begun);
        world.uploads.insert(id, begun);
        Ok(pb::CreateUploadResponse { upload })
    }
}

fn upload(id: &str, begun: &Begun) -> Option<pb::Upload> {
    Some(pb::Upload {
        id: id.to_owned(),
        name: begun.asked.name.clone(),
        size_bytes: begun.asked.size_bytes,
        committed_bytes: begun.bytes.len() as u64,
        expire_time: None,
        blake3: begun.asked.blake3.clone(),
    })
}

/// What an upload becomes.
fn file_id(upload_id: &str) -> String {
    upload_id.replace('p', "f")
}

fn no_upload() -> Status {
    refusal(Code::NotFound, "UPLOAD_NOT_FOUND")
}

#[tonic::async_trait]
impl FileService for Fake {
    type DownloadStream = Pin<Box<dyn Stream<Item = Result<pb::DownloadResponse, Status>> + Send>>;

    async fn create_upload(
        &self,
        call: Request<pb::CreateUploadRequest>,
    ) -> Result<Response<pb::CreateUploadResponse>, Status> {
        let answer = self.begin(call.into_inner())?;
        // It is begun, and the answer may take its time.
        let mut gate = self.gate.clone();
        gate.wait_for(|opened| *opened > 0).await.unwrap();
        Ok(Response::new(answer))
    }

    async fn upload_chunks(
        &self,
        call: Request<Streaming<pb::UploadChunksRequest>>,
    ) -> Result<Response<pb::UploadChunksResponse>, Status> {
        let (mut left, is_deaf) = {
            let mut world = self.world();
            world.called("chunks")?;
            (world.cuts.pop_front().unwrap_or(u64::MAX), world.is_deaf)
        };
        if is_deaf {
            return std::future::pending().await;
        }
        let mut chunks = call.into_inner();
        let mut id = String::new();
        let mut gate = self.gate.clone();
        while let Some(chunk) = chunks.message().await? {
            if !chunk.upload_id.is_empty() {
                id.clone_from(&chunk.upload_id);
            }
            let length = chunk.data.len() as u64;
            let goal = self.world().received + length;
            gate.wait_for(|opened| *opened >= goal).await.unwrap();
            let mut world = self.world();
            world.received += length;
            let spoils = world.spoils;
            let begun = world.uploads.get_mut(&id).filter(|it| !it.is_done);
            let begun = begun.ok_or_else(no_upload)?;
            assert!(length <= 64 * 1024);
            assert_eq!(*chunk.blake3, *blake3::hash(&chunk.data).as_bytes());
            if chunk.offset != begun.bytes.len() as u64 {
                return Err(refusal(Code::FailedPrecondition, "UPLOAD_OFFSET"));
            }
            begun.bytes.extend_from_slice(&chunk.data);
            if spoils {
                *begun.bytes.last_mut().unwrap() ^= 1;
            }
            left = left.saturating_sub(length);
            if left == 0 {
                if world.forgets {
                    world.uploads.get_mut(&id).unwrap().bytes.clear();
                }
                return Err(Status::unavailable("cut"));
            }
        }
        let world = self.world();
        let taken = world.uploads.get(&id).map_or(0, |it| it.bytes.len() as u64);
        let lie = world.lies_of_taken.as_ref();
        let committed_bytes = lie.map_or(taken, |lie| lie(taken));
        Ok(Response::new(pb::UploadChunksResponse { committed_bytes }))
    }

    async fn upload_chunk(
        &self,
        _: Request<pb::UploadChunkRequest>,
    ) -> Result<Response<pb::UploadChunkResponse>, Status> {
        Err(Status::internal("not used"))
    }

    async fn get_upload(
        &self,
        call: Request<pb::GetUploadRequest>,
    ) -> Result<Response<pb::GetUploadResponse>, Status> {
        let mut world = self.world();
        world.called("get")?;
        let id = call.into_inner().upload_id;
        let begun = world.uploads.get(&id).ok_or_else(no_upload)?;
        if begun.is_done {
            let (file, _) = world.files.get(&file_id(&id)).ok_or_else(no_upload)?;
            let file = Some(file.clone());
            return Ok(Response::new(pb::GetUploadResponse { upload: None, file }));
        }
        let mut upload = upload(&id, begun);
        if let (Some(lie), Some(upload)) = (&world.lies_of_place, &mut upload) {
            upload.committed_bytes = lie(upload.committed_bytes);
        }
        Ok(Response::new(pb::GetUploadResponse { upload, file: None }))
    }

    async fn complete_upload(
        &self,
        call: Request<pb::CompleteUploadRequest>,
    ) -> Result<Response<pb::CompleteUploadResponse>, Status> {
        let mut world = self.world();
        world.called("complete")?;
        let id = call.into_inner().upload_id;
        let begun = world.uploads.get_mut(&id).ok_or_else(no_upload)?;
        if (begun.bytes.len() as u64) < begun.asked.size_bytes {
            return Err(refusal(Code::FailedPrecondition, "UPLOAD_INCOMPLETE"));
        }
        if *begun.asked.blake3 != *blake3::hash(&begun.bytes).as_bytes() {
            begun.bytes.clear();
            return Err(refusal(Code::DataLoss, "FILE_HASH_MISMATCH"));
        }
        begun.is_done = true;
        let file = pb::File {
            id: file_id(&id),
            name: begun.asked.name.clone(),
            size_bytes: begun.asked.size_bytes,
            media_type: begun.asked.media_type.clone(),
            blake3: begun.asked.blake3.clone(),
            ..pb::File::default()
        };
        let bytes = Bytes::from(begun.bytes.clone());
        world.files.insert(file.id.clone(), (file.clone(), bytes));
        // The answer is lost, and what it says is true.
        world.called("completed")?;
        let file = Some(file);
        Ok(Response::new(pb::CompleteUploadResponse { file }))
    }

    async fn cancel_upload(
        &self,
        call: Request<pb::CancelUploadRequest>,
    ) -> Result<Response<pb::CancelUploadResponse>, Status> {
        {
            let mut world = self.world();
            world.called("cancel")?;
            let gone = world.uploads.remove(&call.into_inner().upload_id);
            gone.ok_or_else(no_upload)?;
        }
        // It is done, and the answer may take its time.
        let mut gate = self.gate.clone();
        gate.wait_for(|opened| *opened > 0).await.unwrap();
        Ok(Response::new(pb::CancelUploadResponse {}))
    }

    async fn download(
        &self,
        call: Request<pb::DownloadRequest>,
    ) -> Result<Response<Self::DownloadStream>, Status> {
        let asked = call.into_inner();
        let mut world = self.world();
        world.called("download")?;
        let left = world.cuts.pop_front().unwrap_or(u64::MAX);
        let none = || refusal(Code::NotFound, "FILE_NOT_FOUND");
        let (file, bytes) = world.files.get(&asked.file_id).cloned().ok_or_else(none)?;
        let answers = match &world.answers {
            Some(answers) => answers(file, bytes, asked.offset),
            None => pieces(&file, &bytes, asked.offset),
        };
        let world = Arc::clone(&self.world);
        let state = (answers.into_iter(), left, world, self.gate.clone());
        let stream = futures_util::stream::unfold(
            state,
            |(mut answers, left, world, mut gate)| async move {
                let answer = answers.next()?;
                let length = answer.data.len() as u64;
                let goal = world.lock().unwrap().given + length;
                gate.wait_for(|opened| *opened >= goal).await.unwrap();
                if length > left {
                    let broken = Err(Status::unavailable("cut"));
                    return Some((broken, (Vec::new().into_iter(), 0, world, gate)));
                }
                world.lock().unwrap().given += length;
                Some((Ok(answer), (answers, left - length, world, gate)))
            },
        );
        // Nothing is pulled after an error.
        Ok(Response::new(Box::pin(stream.fuse())))
    }

    async fn get_file(
        &self,
        call: Request<pb::GetFileRequest>,
    ) -> Result<Response<pb::GetFileResponse>, Status> {
        let mut world = self.world();
        world.called("file")?;
        let file = world.files.get(&call.into_inner().file_id);
        let none = || refusal(Code::NotFound, "FILE_NOT_FOUND");
        let file = Some(file.ok_or_else(none)?.0.clone());
        Ok(Response::new(pb::GetFileResponse { file }))
    }
}

/// The honest answers to a download.
pub fn pieces(file: &pb::File, bytes: &Bytes, offset: u64) -> Vec<pb::DownloadResponse> {
    let start = usize::try_from(offset).unwrap();
    let rest = bytes.slice(start..);
    let mut pieces: Vec<pb::DownloadResponse> = rest
        .chunks(64 * 1024)
        .enumerate()
        .map(|(index, piece)| pb::DownloadResponse {
            file: None,
            offset: offset + (index * 64 * 1024) as u64,
            data: Bytes::copy_from_slice(piece),
        })
        .collect();
    if pieces.is_empty() {
        pieces.push(pb::DownloadResponse::default());
    }
    pieces[0].file = Some(file.clone());
    pieces
}
