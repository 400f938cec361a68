// machine: what the figures were measured on, and how busy it was with other things.
#pragma once

#include <string>

namespace versus {

struct machine {
  std::string cpu, system, kernel, name;
  int cpus = 1; // that this process may use
  double memory_mib = 0;

  // One line for people: "AMD EPYC 7B13, 2 CPUs, 24 GiB, Linux 6.1".
  std::string line() const;
};

machine this_machine();

double load_average();       // over the last minute
double available_mib();      // memory that could be used now, within the limits of the container
double busy_cpu_seconds();   // of all processors since boot; negative where it cannot be known
std::string date_and_time(); // "2026-11-21 14:47:03"
std::string file_stamp();    // "20261121-144703"

} // namespace versus
