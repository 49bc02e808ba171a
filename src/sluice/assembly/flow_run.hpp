// One flow run to its end, with its row in the ledger: what `run`, `demo` and `rejects replay` share.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>

#include "sluice/assembly/assemble.hpp"
#include "sluice/runtime/export.hpp"
#include "sluice/runtime/run.hpp"

namespace sluice::assembly {

// Of a scheduled run: the right to publish, which another server takes when this one sleeps past its lease.
struct HeldTurn {
  Turn turn;                           // in the ledger of the database of the models, where there are some
  std::function<Result<bool>()> held;  // whether the ledger says so now
  std::function<void()> lost;          // called when it was found to be lost: the run stops
};

struct FlowRunOptions {
  std::chrono::seconds queue_wait{300};  // for a queue that does not exist yet
  std::chrono::seconds database_away_max{300};
  std::function<void(const runtime::RunReport&)> progress{};
  bool refresh = false;  // load objects again that are loaded
  std::stop_token stop{};
  std::optional<std::chrono::seconds> follow{};  // a queue: for so long, drained or not
  // Called at the end of each run of a flow.
  std::function<void(const std::string& flow, const runtime::RunOutcome&)> finished{};
  // The same for exports. Null: nothing was published, since it, or what it waits for, failed.
  std::function<void(const std::string& flow, const runtime::ExportReport*)> exported{};
  bool warns = false;  // of what tagged columns decide in models and exports, one log line each
  std::optional<HeldTurn> turn{};
};

// Errors before the first message was received come back as such; later ones stand in the outcome, with what was
// committed before.
Result<runtime::RunOutcome> run_flow(const Assembly& assembly, const project::Flow& flow,
                                     const FlowRunOptions& options);

// The same from another source than the flow's queue: rejects that are tried again.
Result<runtime::RunOutcome> run_from(const Assembly& assembly, OpenFlow& open, Source& source,
                                     const FlowRunOptions& options);

// The table at the end of a run, and the same for a program.
std::string report_text(const std::string& flow, const runtime::RunReport& report);
Json report_json(const std::string& flow, const runtime::RunReport& report);

}  // namespace sluice::assembly
