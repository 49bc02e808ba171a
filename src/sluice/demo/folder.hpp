// The folder that a demo writes: a project, and what it reads.
#pragma once

#include <string>
#include <string_view>

#include "sluice/assembly/session.hpp"
#include "sluice/core/result.hpp"

namespace sluice::demo {

// Makes the folder. One that a demo made before is emptied; one of somebody else's is an error (config).
Result<void> make_folder(const std::string& folder);

// Makes the folders on the way, too.
Result<void> write_file(const std::string& file, const std::string& text);

// Writes the files of examples/NAME into the folder. In `project` (a file of it) the connections give way to
// `connections`, lines that are indented by two: everything else is what runs on real servers.
Result<void> write_example(const std::string& folder, std::string_view name);
Result<void> connect_example(const std::string& folder, std::string_view name, std::string_view project,
                             std::string_view connections);

// Empty: it cannot be read.
std::string text_of_file(const std::string& file);

// One line a step of a run: what it moved, built or wrote, and what was skipped.
std::string steps_text(const assembly::Json& result);

// A CSV file whose rows are wide: a line a column, the rows side by side.
std::string upright(const std::string& csv, std::size_t rows_max);

}  // namespace sluice::demo
