//! docs/api.md is made from the comments of the schema and always says what they say. After a change of the schema:
//! `UPDATE_DOCS=1 cargo test api_reference`.

use std::{collections::BTreeMap, env, fmt::Write as _, fs, path::Path};

use prost::Message as _;
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
    FileDescriptorSet, ServiceDescriptorProto,
    field_descriptor_proto::{Label, Type},
};

const HEAD: &str = "\
<!-- Made from the comments in proto/tinychat/v1 by tests/api_reference.rs: change those, not this file. -->

# The API

Package `tinychat.v1`, gRPC and gRPC-Web on one port. The token of a login travels as metadata `authorization: Bearer
TOKEN`. Errors are canonical codes with `google.rpc.ErrorInfo` (domain `tinychat`, the reasons that are named below), and
`BadRequest` or `RetryInfo` where they apply. [grpcurl.md](grpcurl.md), [grpcurl-conversations.md](grpcurl-conversations.md)
and [grpcurl-files.md](grpcurl-files.md) show every call at work, [clients](../clients/README.md) how to use them from other languages.
";

/// Numbers of descriptors' fields, of which the paths of comments are made (descriptor.proto).
const MESSAGES: i32 = 4;
const ENUMS: i32 = 5;
const SERVICES: i32 = 6;
const PACKAGE: i32 = 2;
const IN_MESSAGE_FIELDS: i32 = 2;
const IN_MESSAGE_ONEOFS: i32 = 8;
const IN_ENUM_VALUES: i32 = 2;
const IN_SERVICE_METHODS: i32 = 2;

/// The comments of a file, by the path of what they stand before.
struct Comments(BTreeMap<Vec<i32>, String>);

impl Comments {
    fn of(file: &FileDescriptorProto) -> Self {
        let locations = file.source_code_info.iter().flat_map(|info| &info.location);
        let comment = |it: &prost_types::source_code_info::Location| {
            let text = it.leading_comments.as_deref()?;
            let words: Vec<&str> = text.split_whitespace().collect();
            Some((it.path.clone(), words.join(" ")))
        };
        Self(locations.filter_map(comment).collect())
    }

    fn at(&self, path: &[i32]) -> &str {
        let text = self.0.get(path).map_or("", String::as_str);
        assert!(!text.is_empty(), "nothing is said about {path:?}");
        text
    }
}

fn number(at: usize) -> i32 {
    i32::try_from(at).unwrap()
}

/// What a link to a message or enum looks like: ours lead to their place, others to nowhere.
fn linked(full_name: &str) -> String {
    match full_name.strip_prefix(".tinychat.v1.") {
        Some(name) => format!("[`{name}`](#{})", name.to_lowercase()),
        None => format!("`{}`", full_name.trim_start_matches('.')),
    }
}

fn type_of(field: &FieldDescriptorProto) -> String {
    let name = match field.r#type() {
        Type::Message | Type::Enum => linked(field.type_name()),
        Type::String => "`string`".to_owned(),
        Type::Bytes => "`bytes`".to_owned(),
        Type::Bool => "`bool`".to_owned(),
        Type::Uint32 => "`uint32`".to_owned(),
        Type::Uint64 => "`uint64`".to_owned(),
        Type::Int32 => "`int32`".to_owned(),
        Type::Int64 => "`int64`".to_owned(),
        other => panic!("a type that has no name here yet: {other:?}"),
    };
    match field.label() {
        Label::Repeated => format!("repeated {name}"),
        _ if field.proto3_optional() => format!("optional {name}"),
        _ => name,
    }
}

fn service(out: &mut String, service: &ServiceDescriptorProto, place: i32, said: &Comments) {
    writeln!(out, "\n## {}\n", service.name()).unwrap();
    writeln!(out, "{}\n", said.at(&[SERVICES, place])).unwrap();
    writeln!(
        out,
        "| method | takes | gives | what it does |\n|---|---|---|---|"
    )
    .unwrap();
    for (at, method) in service.method.iter().enumerate() {
        let stream = |is: bool| if is { "stream of " } else { "" };
        let comment = said.at(&[SERVICES, place, IN_SERVICE_METHODS, number(at)]);
        writeln!(
            out,
            "| `{}` | {}{} | {}{} | {comment} |",
            method.name(),
            stream(method.client_streaming()),
            linked(method.input_type()),
            stream(method.server_streaming()),
            linked(method.output_type()),
        )
        .unwrap();
    }
}

fn message(out: &mut String, message: &DescriptorProto, place: i32, said: &Comments) {
    writeln!(out, "\n### {}\n", message.name()).unwrap();
    writeln!(out, "{}", said.at(&[MESSAGES, place])).unwrap();
    if message.field.is_empty() {
        return;
    }
    writeln!(
        out,
        "\n| field | type | number | what it is |\n|---|---|---|---|"
    )
    .unwrap();
    for (at, field) in message.field.iter().enumerate() {
        let comment = said.at(&[MESSAGES, place, IN_MESSAGE_FIELDS, number(at)]);
        // An optional field is a oneof of its own to the compiler, and to nobody else.
        let oneof = field.oneof_index.filter(|_| !field.proto3_optional());
        let oneof = oneof.map_or(String::new(), |oneof| {
            let at = usize::try_from(oneof).unwrap();
            format!(" (one of `{}`)", message.oneof_decl[at].name())
        });
        writeln!(
            out,
            "| `{}`{oneof} | {} | {} | {comment} |",
            field.name(),
            type_of(field),
            field.number()
        )
        .unwrap();
    }
    for (at, oneof) in message.oneof_decl.iter().enumerate() {
        let place_of_oneof = [MESSAGES, place, IN_MESSAGE_ONEOFS, number(at)];
        if let Some(comment) = said.0.get(&place_of_oneof[..]) {
            writeln!(out, "\nOne of `{}`: {comment}", oneof.name()).unwrap();
        }
    }
}

fn enumeration(out: &mut String, it: &EnumDescriptorProto, place: i32, said: &Comments) {
    writeln!(out, "\n### {}\n", it.name()).unwrap();
    writeln!(out, "{}\n", said.at(&[ENUMS, place])).unwrap();
    writeln!(out, "| value | number | what it means |\n|---|---|---|").unwrap();
    for (at, value) in it.value.iter().enumerate() {
        let comment = said.at(&[ENUMS, place, IN_ENUM_VALUES, number(at)]);
        writeln!(
            out,
            "| `{}` | {} | {comment} |",
            value.name(),
            value.number()
        )
        .unwrap();
    }
}

fn rendered() -> String {
    let set = FileDescriptorSet::decode(tinychat::pb::DESCRIPTORS).unwrap();
    let mut out = HEAD.to_owned();
    let ours = set.file.iter().filter(|it| it.package() == "tinychat.v1");
    let mut files: Vec<&FileDescriptorProto> = ours.collect();
    // Services first, the words that they share last.
    files.sort_by_key(|file| (file.service.is_empty(), file.name().to_owned()));
    for file in files {
        let said = Comments::of(file);
        for (at, it) in file.service.iter().enumerate() {
            service(&mut out, it, number(at), &said);
        }
        if file.service.is_empty() {
            writeln!(out, "\n## Shared words\n\n{}", said.at(&[PACKAGE])).unwrap();
        }
        for (at, it) in file.message_type.iter().enumerate() {
            message(&mut out, it, number(at), &said);
        }
        for (at, it) in file.enum_type.iter().enumerate() {
            enumeration(&mut out, it, number(at), &said);
        }
    }
    out
}

#[test]
fn the_reference_says_what_the_schema_says() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/api.md");
    let made = rendered();
    if env::var("UPDATE_DOCS").is_ok_and(|value| value == "1") {
        fs::write(&file, &made).unwrap();
    }
    let kept = fs::read_to_string(&file).unwrap_or_default();
    let differs = kept.lines().zip(made.lines()).position(|(a, b)| a != b);
    assert!(
        kept == made,
        "docs/api.md is not what the schema says (line {}); UPDATE_DOCS=1 cargo test api_reference makes it anew",
        differs.map_or(0, |line| line + 1)
    );
}

#[test]
fn every_link_of_the_reference_leads_somewhere() {
    let made = rendered();
    let places: Vec<String> = made
        .lines()
        .filter_map(|line| line.trim_start_matches('#').strip_prefix(' '))
        .map(str::to_lowercase)
        .collect();
    let links: Vec<&str> = made
        .split("](#")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .collect();
    assert!(links.len() > 50);
    for link in links {
        assert!(places.iter().any(|place| place == link), "{link}");
    }
}
