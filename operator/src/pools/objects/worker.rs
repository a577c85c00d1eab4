//! The Worker object of a worker, and its Service.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::Resource;
use orrery_archive::names::{WorkerId, ports, worker_name};
use orrery_crds::kinds::{DesiredState, Worker, WorkerPool, WorkerSpec};

use super::metadata::{metadata, worker_labels, worker_selector};

/// The Worker object; `desired` is the user's and never set here.
pub fn worker(pool: &WorkerPool, name: &str, id: WorkerId) -> Worker {
    Worker {
        metadata: metadata(
            worker_name(name, id),
            pool.metadata.namespace.clone(),
            worker_labels(name, id),
            pool.controller_owner_ref(&()),
        ),
        spec: WorkerSpec {
            id,
            pool: name.to_owned(),
            desired: DesiredState::Online,
        },
        status: None,
    }
}

/// The worker's Service: gives its pod a name, also before it is ready.
pub fn service(worker: &Worker) -> Service {
    let (pool, id) = (&worker.spec.pool, worker.spec.id);
    Service {
        metadata: metadata(
            worker_name(pool, id),
            worker.metadata.namespace.clone(),
            worker_labels(pool, id),
            worker.controller_owner_ref(&()),
        ),
        spec: Some(ServiceSpec {
            cluster_ip: Some("None".into()),
            selector: Some(worker_selector(pool, id)),
            publish_not_ready_addresses: Some(true),
            ports: Some(vec![
                port("mysql", ports::MYSQLD),
                port("agent", ports::AGENT),
                port("admin", ports::ADMIN),
            ]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}

fn port(name: &str, number: u16) -> ServicePort {
    ServicePort {
        name: Some(name.into()),
        port: i32::from(number),
        target_port: Some(IntOrString::String(name.into())),
        protocol: Some("TCP".into()),
        ..ServicePort::default()
    }
}
