// commands: what `versus COMMAND` does. Each returns the exit code.
#pragma once

#include "harness/arguments.h"
#include "harness/contestant.h"
#include "harness/terminal.h"

#include <string>
#include <vector>

namespace versus {

int run_programs(const arguments& a, places& where, interrupts& stop); // versus run

// These look at what is there; nothing is measured.
int list_command(const places& where, interrupts& stop);
int doctor_command(const places& where, interrupts& stop);
int report_command(const arguments& a, const places& where, interrupts& stop);
int claims_command(const arguments& a, const places& where, interrupts& stop);
int compare_command(const arguments& a, const places& where, interrupts& stop);

// Says why on standard error; the exit code for arguments that cannot be used.
int fail(const std::string& why);

void write_report(const board& b, const std::vector<experiment>& all, const places& where,
                  const std::string& file, output& out);

// "thrum has the lowest figure in 30 of 49 rows."
std::string total_standing(const board& b, const std::vector<experiment>& all, int width);

} // namespace versus
