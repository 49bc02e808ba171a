#include "sluice/assembly/flow_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "sluice/assembly/flow_source.hpp"
#include "sluice/assembly/table.hpp"
#include "sluice/assembly/version.hpp"
#include "sluice/core/log.hpp"
#include "sluice/mask/seal.hpp"
#include "sluice/runtime/envelope.hpp"

namespace sluice::assembly {
namespace {

// Rejects are bound to their flow, so that one cannot be passed off as another's.
class KeyringSealer final : public runtime::Sealer {
 public:
  KeyringSealer(const mask::Keyring& keyring, std::string flow) : sealer_(keyring), flow_(std::move(flow)) {}
  std::string seal(const Message& message) override {
    runtime::pack(message, packed_);
    return sealer_.seal(packed_, flow_);
  }

 private:
  mask::Sealer sealer_;
  std::string flow_;
  std::string packed_;
};

// More workers than cores gain: one waits for the database while another computes. But of several objects with rows of
// one key the last has to be merged last.
std::size_t worker_count(const Database& database, const Target& target) {
  if (target.mode == Mode::merge) return 1;
  const std::size_t cores = std::max<std::size_t>(std::thread::hardware_concurrency(), 1);
  return std::min<std::size_t>(database.sinks_max(), std::min<std::size_t>(cores, 4));
}

std::string status_of(const runtime::RunOutcome& outcome) {
  if (outcome.error) return "failed";
  return outcome.stopped ? "stopped" : "done";
}

}  // namespace

Result<runtime::RunOutcome> run_from(const Assembly& assembly, OpenFlow& open, Source& source,
                                     const FlowRunOptions& options) {
  const project::Flow& flow = *open.flow;
  RunRecord record;
  record.project = assembly.project.name;
  record.flow = flow.name;
  record.version = version_number();
  record.status = "running";
  record.started = system_clock().now_micros();
  SLUICE_TRY(record.id, open.database->ledger().start_run(record));

  std::vector<runtime::Worker> workers;
  for (std::size_t i = 0; i < worker_count(*open.database, open.target); ++i) {
    runtime::Worker worker;
    SLUICE_TRY(worker.transform, engine::open_transform(*assembly.engine, rows_options(flow)));
    if (open.target.from_objects) {
      SLUICE_TRY(worker.other, engine::open_transform(*assembly.engine, rows_options(flow)));
    }
    SLUICE_TRY(worker.sink, open.database->open_sink(open.target, record.id));
    if (assembly.keyring) worker.sealer = std::make_unique<KeyringSealer>(*assembly.keyring, flow.name);
    workers.push_back(std::move(worker));
  }
  runtime::RunOptions run_options;
  run_options.rejects = {flow.max_rejects.count, flow.max_rejects.percent};
  run_options.database_away_max = options.database_away_max;
  run_options.progress = options.progress;
  run_options.follow = options.follow;
  if (flow.mode == Mode::replace) {
    run_options.min_rows = flow.min_rows;
  } else {
    run_options.chunk_bytes = flow.chunk_bytes;
  }
  runtime::RunOutcome outcome = runtime::run(source, std::move(workers), run_options, system_clock(), options.stop);

  record.status = status_of(outcome);
  record.finished = system_clock().now_micros();
  record.received = outcome.report.received;
  record.written = outcome.report.written;
  if (Result<void> noted = open.database->ledger().finish_run(record); !noted) {
    // The rows are there, each with its proof: only the run's own line is not.
    log::warning("run not noted in the ledger", {{"error", noted.error().text()}});
  }
  if (options.finished) options.finished(flow.name, outcome);
  return outcome;
}

Result<runtime::RunOutcome> run_flow(const Assembly& assembly, const project::Flow& flow,
                                     const FlowRunOptions& options) {
  SLUICE_TRY(OpenFlow open, open_flow(assembly, flow));
  open.target.refresh = options.refresh && flow.mode != Mode::append;  // appended again, rows would be there twice
  SLUICE_CHECK(open.database->prepare(open.target));
  if (assembly.keyring) SLUICE_CHECK(check_keys(open.database->ledger(), *assembly.keyring));
  SLUICE_TRY(const FlowSource from, open_source(open, options.queue_wait));
  SLUICE_TRY(runtime::RunOutcome outcome, run_from(assembly, open, *from.source, options));
  if (!outcome.error && from.queue) {
    // A day more than the queue can still deliver a message again.
    const Result<std::uint64_t> pruned = open.database->ledger().prune(
        std::max(from.queue->retention * 2, std::chrono::hours(28 * 24)) + std::chrono::hours(24), 100000);
    if (!pruned) log::warning("old message keys not pruned", {{"error", pruned.error().text()}});
  }
  return outcome;
}

std::string report_text(const std::string& flow, const runtime::RunReport& report) {
  std::string out =
      fmt::format("{}: {} received in {}, {} rows/s\n", flow, thousands(report.received), seconds_text(report.elapsed),
                  thousands(static_cast<std::uint64_t>(report.rows_per_second())));
  Table counts({"received", "written", "rejected", "already there", "filtered", "rows"});
  counts.align_right({0, 1, 2, 3, 4, 5});
  counts.add({thousands(report.received), thousands(report.written.written), thousands(report.written.rejected),
              thousands(report.written.known), thousands(report.written.filtered), thousands(report.written.rows)});
  out += counts.text();
  if (report.objects > 0) {
    out += fmt::format("  objects: {} loaded, {} already there\n", thousands(report.objects - report.objects_known),
                       thousands(report.objects_known));
  }
  for (const auto& [reason, count] : report.rejects_by_reason)
    out += fmt::format("  rejected: {} {}\n", thousands(count), reason);
  Table times({"receive", "decode", "select and mask", "encode", "database", "delete", "waiting"});
  times.align_right({0, 1, 2, 3, 4, 5, 6});
  times.add({seconds_text(report.receive), seconds_text(report.decode), seconds_text(report.select),
             seconds_text(report.encode), seconds_text(report.database), seconds_text(report.settle),
             seconds_text(report.waiting)});
  out += times.text();
  if (report.received > 0) {
    out += fmt::format("  bottleneck: {} ({} worker{}; seconds of all workers together)\n", report.bottleneck(),
                       report.workers, report.workers == 1 ? "" : "s");
  }
  if (!report.calls.empty()) {
    out += "  calls:";
    for (const auto& [kind, count] : report.calls) out += fmt::format(" {} {}", kind, thousands(count));
    out += '\n';
  }
  return out;
}

Json report_json(const std::string& flow, const runtime::RunReport& report) {
  Json object;
  object["flow"] = flow;
  object["received"] = report.received;
  object["written"] = report.written.written;
  object["rows"] = report.written.rows;
  object["filtered"] = report.written.filtered;
  object["rejected"] = report.written.rejected;
  object["already_there"] = report.written.known;
  object["objects"] = report.objects;
  object["objects_already_there"] = report.objects_known;
  object["rejects_by_reason"] = report.rejects_by_reason;
  object["elapsed_seconds"] = report.elapsed;
  object["rows_per_second"] = report.rows_per_second();
  object["seconds"] = {{"receive", report.receive}, {"decode", report.decode},     {"select_and_mask", report.select},
                       {"encode", report.encode},   {"database", report.database}, {"delete", report.settle},
                       {"waiting", report.waiting}};
  object["workers"] = report.workers;
  object["bottleneck"] = report.bottleneck();
  object["calls"] = report.calls;
  return object;
}

}  // namespace sluice::assembly
