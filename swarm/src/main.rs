//! `swarm`: real clients around our own tracker and site, in a network without a way out.

mod check;
mod client;
mod control;
mod create;
mod demo;
mod enter;
mod interop;
mod network;
mod node;
mod outside;
mod page;
mod picture;
mod site;
mod sources;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A private swarm of real clients around a tracker of our own.
#[derive(Debug, Parser)]
#[command(name = "swarm", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Start database, tracker, site and clients, and show what they do until Ctrl-C.
    Demo(demo::Demo),
    /// Tell a running demonstration what to do.
    Ctl(control::Ctl),
    /// Run a demonstration without onlookers and check its figures.
    Check(check::Check),
    /// Let every client program fetch from every other.
    Interop(interop::Interop),
    /// Make a .torrent of a file or folder.
    Create(create::Create),
    /// Share a folder through a site that runs elsewhere, and make members with their .torrent files.
    Provision(site::provision::Provision),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    infra::log::start();
    let result = match arguments.task {
        Task::Demo(options) => enter::inside(Some(options.site), || demo::run(&options)),
        Task::Check(options) => check::run(&options),
        Task::Interop(options) => enter::inside(None, || interop::run(&options)),
        Task::Ctl(options) => control::run(&options),
        Task::Create(options) => create::run(&options),
        Task::Provision(options) => site::provision::run(&options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("swarm: {error:#}");
            if infra::refusal::is_refusal(&error) { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}
