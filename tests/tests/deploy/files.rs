//! Tests of the files in `examples/deploy`: their options, ports, paths and settings are those of the programs.

use std::{
    collections::BTreeSet,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::Command,
};

use countersign_tests::server::{Process, Server};
use k8s_openapi::{
    api::{
        apps::v1::Deployment,
        core::v1::{ConfigMap, Container, Service},
        policy::v1::PodDisruptionBudget,
    },
    apimachinery::pkg::util::intstr::IntOrString,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::servers::{ask, programs};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/deploy")
}

fn read(name: &str) -> String {
    fs::read_to_string(folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Starts a program with arguments of a file, but for addresses and paths, which are those of this test.
fn starts(program: &str, arguments: &[String], config: Option<&str>) -> Server {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    fs::write(&store, "memory\n").unwrap();
    let file = folder.path().join("resource-server.toml");
    let usual = "[[issuers]]\nissuer = \"https://id.example\"\naudience = \"login\"\nkeys = { discover = true }\n";
    let own = format!("state_dir = {:?}", folder.path().join("state"));
    let config = config.unwrap_or(usual);
    fs::write(
        &file,
        config.replace("state_dir = \"/var/lib/resource-server\"", &own),
    )
    .unwrap();

    let mut command = programs().command(program);
    let mut all = arguments
        .iter()
        .flat_map(|argument| match argument.split_once('=') {
            Some((name, value)) if name.starts_with("--") => vec![name, value],
            _ => vec![argument.as_str()],
        });
    while let Some(argument) = all.next() {
        let value = match argument {
            "--listen" => continue_with(&mut all, None),
            "--admin" => continue_with(&mut all, Some("127.0.0.1:0".to_owned())),
            "--store" => continue_with(&mut all, Some(format!("file:{}", store.display()))),
            "--keys" => {
                let keys = folder.path().join("keys");
                let mut init = programs().command(program);
                let ended = Process::start(init.args(["keys", "init", "--keys"]).arg(&keys)).end();
                assert_eq!(ended.code, Some(0), "{}", ended.stderr);
                continue_with(&mut all, Some(keys.display().to_string()))
            }
            "--config" => continue_with(&mut all, Some(file.display().to_string())),
            _ => {
                command.arg(argument);
                continue;
            }
        };
        if let Some(value) = value {
            command.args([argument, &value]);
        }
    }
    let server = Server::start(&mut command);
    // It reads the files at the start only.
    drop(folder);
    server
}

/// Leaves out the value of an option.
fn continue_with<'a>(
    all: &mut impl Iterator<Item = &'a str>,
    own: Option<String>,
) -> Option<String> {
    assert!(all.next().is_some_and(|value| !value.starts_with("--")));
    own
}

/// Returns the value of an option.
fn option<'a>(arguments: &'a [String], name: &str) -> Option<&'a str> {
    arguments.iter().enumerate().find_map(|(index, argument)| {
        match argument.strip_prefix(name)?.strip_prefix('=') {
            Some(value) => Some(value),
            None if argument == name => arguments.get(index + 1).map(String::as_str),
            None => None,
        }
    })
}

fn port(arguments: &[String], name: &str) -> i32 {
    let address = option(arguments, name).unwrap_or_else(|| panic!("no {name}"));
    address.rsplit(':').next().unwrap().parse().unwrap()
}

/// A stage of the container file that starts a program.
struct Image {
    name: String,
    program: String,
    arguments: Vec<String>,
    exposed: BTreeSet<i32>,
}

fn images() -> Vec<Image> {
    let file = read("Containerfile");
    let mut images = Vec::new();
    for stage in file.split("\nFROM ").skip(2) {
        let instruction = |name: &str| {
            let line = stage.lines().find_map(|line| line.strip_prefix(name));
            line.map(str::trim)
        };
        let list = |name: &str| -> Vec<String> {
            instruction(name).map_or_else(Vec::new, |json| serde_json::from_str(json).unwrap())
        };
        assert_eq!(instruction("USER"), Some("65532:65532"));
        let mut arguments = list("ENTRYPOINT");
        let program = arguments.remove(0);
        let copied = instruction("COPY --from=build").unwrap();
        assert!(copied.ends_with(&program), "{copied}: {program}");
        let exposed = instruction("EXPOSE").unwrap().split(' ');
        let (_, name) = stage.lines().next().unwrap().split_once(" AS ").unwrap();
        images.push(Image {
            name: name.to_owned(),
            program: program.rsplit('/').next().unwrap().to_owned(),
            exposed: exposed.map(|port| port.parse().unwrap()).collect(),
            arguments,
        });
        images.last_mut().unwrap().arguments.extend(list("CMD"));
    }
    assert_eq!(images.len(), 2);
    images
}

#[test]
fn the_images_start_and_expose_the_ports_that_they_listen_on() {
    for image in images() {
        let ports = ["--listen", "--admin"].map(|name| port(&image.arguments, name));
        assert_eq!(image.exposed, BTreeSet::from(ports), "{}", image.name);
        let _started = starts(&image.program, &image.arguments, None);
    }
}

/// Returns the documents of a file, each read as the type of Kubernetes that it says.
fn manifests(name: &str) -> Vec<(String, Value)> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(&read(name)).unwrap();
    let kind = |document: &Value| document["kind"].as_str().unwrap().to_owned();
    documents
        .into_iter()
        .map(|document| (kind(&document), document))
        .collect()
}

/// Reads a document, and checks that nothing in it is unknown: that would be lost.
fn typed<T: DeserializeOwned + Serialize>(manifests: &[(String, Value)], kind: &str) -> T {
    let (_, document) = manifests.iter().find(|(own, _)| own == kind).unwrap();
    let read: T = serde_json::from_value(document.clone()).unwrap();
    assert_eq!(&serde_json::to_value(&read).unwrap(), document, "{kind}");
    read
}

#[test]
fn the_manifests_are_of_kubernetes_and_start_the_programs_with_probes_that_they_answer() {
    for image in images() {
        let manifests = manifests(&format!("kubernetes/{}.yaml", image.name));
        let deployment: Deployment = typed(&manifests, "Deployment");
        let service: Service = typed(&manifests, "Service");
        let budget: PodDisruptionBudget = typed(&manifests, "PodDisruptionBudget");
        let config = manifests
            .iter()
            .any(|(kind, _)| kind == "ConfigMap")
            .then(|| typed::<ConfigMap>(&manifests, "ConfigMap").data.unwrap());
        let spec = deployment.spec.unwrap();
        let template = spec.template;
        let labels = template.metadata.unwrap().labels.unwrap();
        assert_eq!(spec.selector.match_labels.as_ref(), Some(&labels));
        assert_eq!(
            service.spec.as_ref().unwrap().selector.as_ref(),
            Some(&labels)
        );
        let budget = budget.spec.unwrap();
        assert_eq!(
            budget.selector.unwrap().match_labels.as_ref(),
            Some(&labels)
        );
        assert!(spec.replicas.unwrap() > 1, "one node is no service");

        let pod = template.spec.unwrap();
        let [container] = &*pod.containers else {
            panic!("one container");
        };
        let arguments = container.args.clone().unwrap();
        let ports = named_ports(container);
        assert_eq!(
            ports.iter().map(|(_, port)| *port).collect::<BTreeSet<_>>(),
            image.exposed
        );
        let named = |port: &IntOrString| match port {
            IntOrString::String(name) => ports.iter().any(|(own, _)| own == name),
            IntOrString::Int(number) => image.exposed.contains(number),
        };
        for port in service.spec.unwrap().ports.unwrap() {
            assert!(named(&port.target_port.unwrap()), "{}", image.name);
        }

        // What the grace period has to be enough for: the sleep, the drain, and 1 + 5 + 2 seconds.
        let drain: i64 = option(&arguments, "--drain").unwrap().parse().unwrap();
        let lifecycle = container.lifecycle.clone().unwrap().pre_stop.unwrap();
        let needed = lifecycle.sleep.unwrap().seconds + drain + 8;
        assert!(pod.termination_grace_period_seconds.unwrap() > needed);
        // Each file that an argument names is in a volume of the pod.
        let volumes = pod.volumes.unwrap();
        let mounts = container.volume_mounts.clone().unwrap();
        for argument in arguments
            .iter()
            .filter(|argument| argument.contains("=/") || argument.contains("file:/"))
        {
            let path = &argument[argument.find('/').unwrap()..];
            let mount = mounts
                .iter()
                .find(|mount| path.starts_with(&mount.mount_path));
            let mount = mount.unwrap_or_else(|| panic!("{argument} is in no volume"));
            assert!(volumes.iter().any(|volume| volume.name == mount.name));
        }
        if let Some(config) = &config {
            let state = "/var/lib/resource-server";
            assert!(config["resource-server.toml"].contains(&format!("state_dir = {state:?}")));
            assert!(mounts.iter().any(|mount| mount.mount_path == state));
        }

        let config = config.as_ref().map(|files| &*files["resource-server.toml"]);
        let all = [&image.arguments[..], &arguments].concat();
        let server = starts(&image.program, &once(&all), config);
        let probes = [&container.liveness_probe, &container.readiness_probe];
        for probe in probes {
            let get = probe.as_ref().unwrap().http_get.as_ref().unwrap();
            assert!(matches!(&get.port, IntOrString::String(name) if name == "admin"));
            // Those of a provider that is not there are 503.
            let status = ask(&server, get.path.as_ref().unwrap()).status;
            assert!(matches!(status, 200 | 503), "{get:?}: {status}");
        }
    }
}

/// Leaves out the first of two options with one name, as the arguments of a pod replace those of the image (`CMD`).
fn once(arguments: &[String]) -> Vec<String> {
    let config = arguments.iter().position(|argument| argument == "--config");
    let mut arguments = arguments.to_vec();
    if let Some(index) = config {
        arguments.drain(index..index + 2);
    }
    arguments
}

fn named_ports(container: &Container) -> Vec<(String, i32)> {
    let ports = container.ports.clone().unwrap();
    ports
        .into_iter()
        .map(|port| (port.name.unwrap(), port.container_port))
        .collect()
}

const UNITS: [(&str, &str); 2] = [
    ("login.service", "login-axum"),
    ("resource-server.service", "resource-server"),
];

#[test]
fn the_units_start_the_programs() {
    for (unit, program) in UNITS {
        let text = read(&format!("systemd/{unit}"));
        let setting = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_else(|| panic!("{unit}: no {name}"))
        };
        let line = setting("ExecStart=");
        let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        assert!(words.remove(0).ends_with(&format!("/{program}")), "{line}");
        let drain: u32 = option(&words, "--drain").unwrap().parse().unwrap();
        let stop: u32 = setting("TimeoutStopSec=").parse().unwrap();
        assert!(stop > drain + 8, "{unit}");
        let _started = starts(program, &words, None);
    }
}

#[test]
fn systemd_finds_no_mistake_in_the_units_and_they_are_locked_up() {
    if Command::new("systemd-analyze")
        .arg("--version")
        .output()
        .is_err()
    {
        let _ = writeln!(
            io::stderr(),
            "left out: systemd units: there is no systemd-analyze"
        );
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for (unit, program) in UNITS {
        let text = read(&format!("systemd/{unit}"));
        let installed = format!("/usr/local/bin/{program}");
        assert_eq!(text.matches(&installed).count(), 1);
        let built = programs().command(program).get_program().to_owned();
        let file = folder.path().join(unit);
        fs::write(&file, text.replace(&installed, built.to_str().unwrap())).unwrap();
        let exposure = ["security", "--offline=true", "--threshold=20"]; // of 100
        for arguments in [&["verify", "--man=no"][..], &exposure] {
            let output = Command::new("systemd-analyze")
                .args(arguments)
                .arg(&file)
                .output();
            let output = output.unwrap();
            let told = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{unit}: {arguments:?}: {told}");
            assert!(!told.contains(unit), "{told}");
        }
    }
}

#[test]
fn nginx_sends_to_the_ports_of_the_units() {
    let nginx = read("nginx.conf");
    let unit = read("systemd/login.service");
    let listen = unit
        .split("--listen ")
        .nth(1)
        .unwrap()
        .split(' ')
        .next()
        .unwrap();
    assert!(nginx.contains(&format!("server {listen} ")), "{listen}");
}
