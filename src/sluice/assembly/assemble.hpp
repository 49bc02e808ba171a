// A project put together: its file read, its keyring loaded, DuckDB started, and the parts of a flow opened.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "sluice/assembly/session.hpp"
#include "sluice/core/clock.hpp"
#include "sluice/core/database.hpp"
#include "sluice/core/object_store.hpp"
#include "sluice/core/queue.hpp"
#include "sluice/engine/transform.hpp"
#include "sluice/mask/keyring.hpp"
#include "sluice/project/project.hpp"
#include "sluice/schedule/schedule.hpp"

namespace sluice::assembly {

// The moment a run stands for: now, or the time that was due. Its date is that of the zone.
struct RunTime {
  std::int64_t micros = system_clock().now_micros();  // since 1970 UTC
  schedule::Zone zone{};

  schedule::SystemTime seconds() const {
    return std::chrono::floor<std::chrono::seconds>(
        std::chrono::sys_time<std::chrono::microseconds>(std::chrono::microseconds(micros)));
  }
};

// What stays for as long as any of its flows is open.
struct Assembly {
  project::Project project;
  std::optional<mask::Keyring> keyring;  // empty: the project names none
  std::unique_ptr<engine::Engine> engine;

  const project::Connection& connection(const std::string& name) const;
};

enum class Keys { always, required, if_there };

// Whether a run may leave rejects behind, and so needs a keyring to seal them: `max_rejects: 0` allows none.
bool keeps_rejects(const project::Project& project);

// An error (config) that names the first of Project::strange_vars.
Result<void> no_strange_vars(const std::string& file, const std::map<std::string, std::string>& strange);

// The project file alone.
Result<project::Project> load_project(const ProjectArguments& arguments, const RunTime& time = {});
// Without a network. `required`: a keyring that cannot be read is an error, and so is none where flows may leave
// rejects; `always`: in any case; `if_there`: a keyring that is missing is left out (validate can still check
// everything else).
Result<std::unique_ptr<Assembly>> assemble(const ProjectArguments& arguments, Keys keys, const RunTime& time = {});
Result<std::unique_ptr<Assembly>> assemble(project::Project project, Keys keys, const RunTime& time = {});

// The flow of that name, or the only one if `name` is empty.
Result<const project::Flow*> find_flow(const project::Project& project, const std::string& name);

// Whether the far end may hold personal data in clear.
engine::PersonalData far_end(const project::Connection& connection);

engine::RowsOptions rows_options(const project::Flow& flow);

// Record and select, checked. An error (config) also where a tagged column would reach the table, or whoever else
// looks at the rows, in clear: whatever opens a flow comes through here.
Result<engine::RowsPlan> plan_flow(const Assembly& assembly, const project::Flow& flow);

// A flow with its far ends opened, not yet reached.
struct OpenFlow {
  const project::Flow* flow = nullptr;
  Target target;
  engine::Lineage lineage;       // of the record's tagged columns
  std::unique_ptr<Queue> queue;  // one of these two is where rows come from
  std::unique_ptr<ObjectStore> objects;
  std::unique_ptr<Database> database;
};
Result<OpenFlow> open_flow(const Assembly& assembly, const project::Flow& flow);

// Compares our keyring with the keys the ledger says its tokens were made with. Several are a rotation, as long as the
// keyring holds all of them, whatever their status. One that is missing, or is another key under the same id, is an
// error (config): equal values would no longer get equal tokens.
Result<void> compare_keys(Ledger& ledger, const mask::Keyring& keyring);
// The same, and notes our primary key there.
Result<void> check_keys(Ledger& ledger, const mask::Keyring& keyring);

}  // namespace sluice::assembly
