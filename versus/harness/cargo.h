// cargo: programs in Rust: where cargo, rustc and the sources of the crates are, and how a program is built from them.
//
// Rust's libraries come as sources, usually from the network. The harness does not use it: Debian's librust-*-dev packages
// put the sources into one directory, and cargo can be told to take that for the registry ("directory source"; what
// `cargo vendor` makes is one, too). Nothing is written but below the cache, and no setting of the user's is read: cargo's
// home is there, and cargo is started in the root directory, above which no config file can be.
//
// Every program is a package of its own, made here, with the kit and Tokio as its dependencies; all share one target
// directory, so that Tokio is compiled once.
#pragma once

#include "harness/contestant.h"

namespace versus::cargo {

// "1.24.2" of the newest tokio 1.x under the directory; empty when there is none.
std::string tokio_version(const std::string& directory);

// Fills in what is here, and what is not and why.
void find_tokio(contestant& c, interrupts& stop);

std::string program_file(const contestant& c, const experiment& e, const places& where);
std::vector<std::string> kit_files(const places& where);

// Writes the package and says how to build it.
command build(const contestant& c, const experiment& e, const places& where);

// Whether the crates have been built already: the next program will not take half a minute.
bool crates_are_built(const contestant& c, const places& where);

} // namespace versus::cargo
