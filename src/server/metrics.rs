//! `/metrics` in the text format of Prometheus, on a listener of its own that only this machine can reach.

use std::{convert::Infallible, time::Duration};

use http::{Method, Request, Response, StatusCode, header, uri::Authority};
use http_body_util::Full;
use hyper::{body::Bytes, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::{net::TcpListener, sync::Semaphore, time::timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::grpc::is_this_machine;
use crate::{tasks::Tasks, telemetry};

/// Scrapers at once: more than one or two is a mistake, and each holds a rendered page.
const SCRAPERS_MAX: usize = 8;
/// How long a scraper may take for everything.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often what was recorded is folded together while nobody scrapes, or it would grow.
const UPKEEP: Duration = Duration::from_secs(5);

/// Why nothing can be counted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the recorder of metrics cannot be set up: {0}; this build is broken")]
pub struct MetricsError(String);

/// Begins to count. Once in a process.
pub fn install() -> Result<PrometheusHandle, MetricsError> {
    let mut builder = PrometheusBuilder::new();
    for (name, bounds) in telemetry::HISTOGRAMS {
        builder = builder
            .set_buckets_for_metric(Matcher::Full(name.to_owned()), bounds)
            .map_err(|error| MetricsError(error.to_string()))?;
    }
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(|error| MetricsError(error.to_string()))?;
    telemetry::describe();
    Ok(handle)
}

/// Folds what was recorded, until told to end.
pub async fn keep_up(handle: PrometheusHandle, ended: CancellationToken) {
    let mut beat = tokio::time::interval(UPKEEP);
    while ended.run_until_cancelled(beat.tick()).await.is_some() {
        handle.run_upkeep();
    }
}

/// Answers scrapers until told to end.
pub async fn serve(
    listener: TcpListener,
    handle: PrometheusHandle,
    scrapers: Tasks,
    ended: CancellationToken,
) {
    let room = std::sync::Arc::new(Semaphore::new(SCRAPERS_MAX));
    while let Some(accepted) = ended.run_until_cancelled(listener.accept()).await {
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                warn!(%error, "cannot accept a scraper; trying again");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let Ok(place) = std::sync::Arc::clone(&room).try_acquire_owned() else {
            continue;
        };
        let handle = handle.clone();
        scrapers.spawn("scraper", async move {
            let service = service_fn(move |request| {
                let page = answer(&request, &handle);
                async move { Ok::<_, Infallible>(page) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service);
            if let Ok(Err(error)) = timeout(PATIENCE, connection).await {
                debug!(%error, "scraper");
            }
            drop(place);
        });
    }
}

/// Whether a request is to this machine by its own name. A page of another site gets here by a name of its own that
/// leads to this machine, and would read what it finds.
fn is_by_own_name<T>(request: &Request<T>) -> bool {
    let host = request.headers().get(header::HOST);
    let host = host.and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
    host.is_some_and(|host| is_this_machine(host.host()))
}

fn answer<T>(request: &Request<T>, handle: &PrometheusHandle) -> Response<Full<Bytes>> {
    let found = request.uri().path() == "/metrics" && request.method() == Method::GET;
    let (status, kind, text) = match found {
        _ if !is_by_own_name(request) => (
            StatusCode::FORBIDDEN,
            "text/plain; charset=utf-8",
            "Ask for localhost or 127.0.0.1: other names are not answered.\n".to_owned(),
        ),
        true => (
            StatusCode::OK,
            "text/plain; version=0.0.4; charset=utf-8",
            handle.render(),
        ),
        false => (
            StatusCode::NOT_FOUND,
            "text/plain; charset=utf-8",
            "Here is only GET /metrics.\n".to_owned(),
        ),
    };
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response
}
