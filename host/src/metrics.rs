//! What is counted while an application runs, for Prometheus.
//!
//! Counting is cheap and always done; it is told where `--metrics-listen` says (`server::exporter`). A metric that Spin has
//! too is called as OpenTelemetry's exporters call Spin's (`spin.request_count`), with the same labels, so that what looks at
//! one looks at the other. The others that the application has to do with begin with `accord_`.

use prometheus_client::encoding::{EncodeLabelSet, prometheus_text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::fmt::Debug;
use std::hash::Hash;
use std::time::Duration;

/// The media type of [`Metrics::render`].
pub(crate) use prometheus_client::encoding::prometheus_text::CONTENT_TYPE;

/// Upper bounds, in seconds, of what requests and waits are counted in: those that OpenTelemetry advises for HTTP, and finer
/// ones before them, for most requests take a millisecond.
const SECONDS: [f64; 16] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0];

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct RequestLabels {
    trigger_type: &'static str,
    app_id: String,
    component_id: String,
    status: u16,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct ComponentLabel {
    component_id: String,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct DatabaseLabel {
    database: String,
}

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

fn histogram() -> Histogram {
    Histogram::new(SECONDS)
}

/// What is counted of one application.
pub(crate) struct Metrics {
    registry: Registry,
    app: String,
    requests: Family<RequestLabels, Counter>,
    durations: Histograms<ComponentLabel>,
    waiting: Family<ComponentLabel, Gauge>,
    instances: Family<ComponentLabel, Gauge>,
    made: Family<ComponentLabel, Counter>,
    overloaded: Family<ComponentLabel, Counter>,
    lent: Family<DatabaseLabel, Gauge>,
    idle: Family<DatabaseLabel, Gauge>,
    writers: Family<DatabaseLabel, Gauge>,
    waits: Histograms<DatabaseLabel>,
    busy: Family<DatabaseLabel, Counter>,
    mails: Family<DatabaseLabel, Gauge>,
    failed_sign_ins: Family<DatabaseLabel, Gauge>,
    pub connections: ConnectionMetrics,
}

/// What is counted of connections.
#[derive(Clone, Default)]
pub(crate) struct ConnectionMetrics {
    /// Connections that are open.
    pub open: Gauge,
    /// All that were accepted.
    pub accepted: Counter,
    /// Those that their address had too many of.
    pub refused: Counter,
}

/// What is counted of one component's instances.
#[derive(Clone, Default)]
pub(crate) struct ComponentMetrics {
    /// Requests that wait for their turn.
    pub waiting: Gauge,
    /// Instances that there are.
    pub instances: Gauge,
    /// All that were made.
    pub made: Counter,
    /// Requests that waited in vain.
    pub overloaded: Counter,
}

/// What is counted of one database.
#[derive(Clone)]
pub(crate) struct DatabaseMetrics {
    /// Connections that components have.
    pub lent: Gauge,
    /// Connections that nobody has.
    pub idle: Gauge,
    /// Writers that stand in the queue.
    pub writers: Gauge,
    /// How long writers stood there.
    pub waits: Histogram,
    /// Statements that found the database locked.
    pub busy: Counter,
}

/// Counts as one in a gauge until it is dropped.
pub(crate) struct One(Gauge);

impl One {
    pub fn of(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for One {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Metrics {
    /// `app` is what the manifest calls the application.
    pub fn new(app: &str) -> Self {
        let metrics = Self {
            registry: Registry::default(),
            app: app.to_owned(),
            requests: Family::default(),
            durations: Family::new_with_constructor(histogram),
            waiting: Family::default(),
            instances: Family::default(),
            made: Family::default(),
            overloaded: Family::default(),
            lent: Family::default(),
            idle: Family::default(),
            writers: Family::default(),
            waits: Family::new_with_constructor(histogram),
            busy: Family::default(),
            mails: Family::default(),
            failed_sign_ins: Family::default(),
            connections: ConnectionMetrics::default(),
        };
        metrics.registered()
    }

    fn registered(mut self) -> Self {
        let registry = &mut self.registry;
        registry.register("spin_request_count", "Requests that were answered", self.requests.clone());
        registry.register(
            "http_server_request_duration_seconds",
            "Time from the head of a request to the head of its answer",
            self.durations.clone(),
        );
        registry.register("accord_requests_waiting", "Requests that wait for their turn", self.waiting.clone());
        registry.register("accord_requests_overloaded", "Requests that waited in vain for it", self.overloaded.clone());
        registry.register("accord_instances", "Instances that there are", self.instances.clone());
        registry.register("accord_instances_made", "Instances that were made", self.made.clone());
        registry.register(
            "accord_database_connections_lent",
            "Connections that instances have open",
            self.lent.clone(),
        );
        registry.register(
            "accord_database_connections_idle",
            "Connections of SQLite that nobody uses",
            self.idle.clone(),
        );
        registry.register("accord_database_writers_waiting", "Writers that stand in the queue", self.writers.clone());
        registry.register("accord_database_write_wait_seconds", "Time that writers stood there", self.waits.clone());
        registry.register("accord_database_busy", "Statements that found the database locked", self.busy.clone());
        registry.register("accord_outbox_mails", "Mails that wait for the relay", self.mails.clone());
        registry.register(
            "accord_failed_sign_ins",
            "Sign-ins that failed in the last fifteen minutes",
            self.failed_sign_ins.clone(),
        );
        let ConnectionMetrics { open, accepted, refused } = self.connections.clone();
        registry.register("accord_connections", "Connections of clients that are open", open);
        registry.register("accord_connections_accepted", "Connections that were accepted", accepted);
        registry.register("accord_connections_refused", "Connections that their address had too many of", refused);
        self
    }

    /// Counts a request that was answered; `component` is empty where no component has to do with it.
    pub fn answered(&self, component: &str, status: u16, took: Duration) {
        let component_id = component.to_owned();
        self.durations
            .get_or_create(&ComponentLabel { component_id: component_id.clone() })
            .observe(took.as_secs_f64());
        let labels = RequestLabels { trigger_type: "http", app_id: self.app.clone(), component_id, status };
        self.requests.get_or_create(&labels).inc();
    }

    /// What is counted of a component's instances.
    pub fn component(&self, name: &str) -> ComponentMetrics {
        let label = ComponentLabel { component_id: name.to_owned() };
        ComponentMetrics {
            waiting: self.waiting.get_or_create_owned(&label),
            instances: self.instances.get_or_create_owned(&label),
            made: self.made.get_or_create_owned(&label),
            overloaded: self.overloaded.get_or_create_owned(&label),
        }
    }

    /// What is counted of a database.
    pub fn database(&self, label: &str) -> DatabaseMetrics {
        let label = DatabaseLabel { database: label.to_owned() };
        DatabaseMetrics {
            lent: self.lent.get_or_create_owned(&label),
            idle: self.idle.get_or_create_owned(&label),
            writers: self.writers.get_or_create_owned(&label),
            waits: self.waits.get_or_create_owned(&label),
            busy: self.busy.get_or_create_owned(&label),
        }
    }

    /// Says how many mails wait in a database and how many sign-ins have failed lately, or that it has no place for these.
    pub fn set_counted(&self, label: &str, mails: Option<i64>, failed_sign_ins: Option<i64>) {
        let label = DatabaseLabel { database: label.to_owned() };
        for (family, count) in [(&self.mails, mails), (&self.failed_sign_ins, failed_sign_ins)] {
            match count {
                Some(count) => _ = family.get_or_create(&label).set(count),
                None => _ = family.remove(&label),
            }
        }
    }

    /// All of it, in Prometheus' text format.
    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        _ = prometheus_text::encode(&mut text, &self.registry);
        text
    }
}

impl Debug for Metrics {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Metrics")
    }
}
