//! Compiles `proto/` without protoc: protox gives the descriptors, which also feed reflection.
//!
//! The code is generated twice. Once whole: messages and clients. Once the servers alone, over the same messages, but
//! with the two streaming responses mapped to hand-written frames of ready bytes (`pb::ready`). Both use our codec.

use std::{env, error::Error, fs, path::PathBuf};

const FILES: [&str; 4] = [
    "tinychat/v1/auth_service.proto",
    "tinychat/v1/chat_service.proto",
    "tinychat/v1/conversation_service.proto",
    "tinychat/v1/file_service.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let descriptors = protox::compile(FILES, ["proto"])?;
    fs::write(
        out.join("descriptors.bin"),
        prost::Message::encode_to_vec(&descriptors),
    )?;

    tonic_prost_build::configure()
        .build_server(false)
        // What is bytes are pieces of files and their hashes: handed on as they came, without a copy.
        .bytes(".tinychat.v1")
        .codec_path("crate::pb::codec::Codec")
        .compile_fds(descriptors.clone())?;

    let servers = out.join("servers");
    fs::create_dir_all(&servers)?;
    tonic_prost_build::configure()
        .out_dir(&servers)
        .build_client(false)
        .codec_path("crate::pb::codec::Codec")
        // The longest path wins: all messages are those of the first run, but for the two streams.
        .extern_path(".tinychat.v1", "crate::pb")
        .extern_path(".tinychat.v1.ChatResponse", "crate::pb::ready::ChatFrame")
        .extern_path(
            ".tinychat.v1.SubscribeResponse",
            "crate::pb::ready::SubscribeFrame",
        )
        .compile_fds(descriptors)?;
    Ok(())
}
