// A local folder in the role of an object store: a key is the path of a file below it.
//
// It behaves as a bucket does: an object appears as a whole, by one rename; its version changes whenever it is
// overwritten; conditions hold among all processes that write through Sluice. Keys that are no path below the folder
// ("..", "a//b", "/a", "a/") are refused, every other byte is kept. docs/connectors/files.md has the rest.
//
//   FOLDER/KEY                 the objects
//   FOLDER/.sluice/ID.part     an object on its way; .sluice/ID.key says where to
//   FOLDER/.sluice/lock        held while an object is published
#pragma once

#include <array>
#include <memory>

#include "sluice/core/clock.hpp"
#include "sluice/core/object_store.hpp"
#include "sluice/core/settings.hpp"

namespace sluice::local {

inline constexpr std::array files_options{
    Option{"files", OptionType::text, "the folder; a relative one starts at the project file's folder"},
};

// Touches nothing yet. `clock` outlives the store; readers and writers do not outlive it.
Result<std::unique_ptr<ObjectStore>> open_files(const Settings& settings, const Clock& clock);
// The folder, from the root; links are not followed.
std::string files_far_end(const Settings& settings);
std::unique_ptr<ObjectStore> make_folder_store(std::string folder, const Clock& clock);

// Why a key cannot be a path below a folder; empty: it can.
std::string why_no_path(std::string_view key);

}  // namespace sluice::local
