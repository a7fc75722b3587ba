//! One binary for all tests: each file is a promise.

mod seam;
mod store_conformance;
