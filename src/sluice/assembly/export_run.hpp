// The exports of a run: those of one database read one moment of it.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sluice/assembly/assemble.hpp"
#include "sluice/assembly/work.hpp"
#include "sluice/runtime/export.hpp"

namespace sluice::assembly {

struct ExportRunOptions {
  std::function<void(const std::string& name, const runtime::ExportReport&)> progress{};
  std::stop_token stop{};
  bool warns = false;  // of what tagged columns decide, in the log
  // Asked before a manifest that exports share is put over the one that was found: false leaves that as it is.
  std::function<Result<bool>()> may_publish{};
};

struct ExportOutcome {
  const project::Export* out = nullptr;
  runtime::ExportReport report{};
  std::optional<Error> error{};  // then nothing of it was published
};

class ExportRuns {
 public:
  // What is passed outlives it.
  ExportRuns(const Assembly& assembly, const Work& work, ExportRunOptions options)
      : assembly_(assembly), work_(work), options_(std::move(options)) {}

  // Exports from the same connection, from one snapshot of it. One that fails leaves the others; an outcome each.
  std::vector<ExportOutcome> run(const std::vector<const project::Export*>& exports);

  // An export that could not even begin: the manifest that lists it stays as it is.
  void leave_out(const project::Export& out);

  // The manifests that exports share, each once all of the run's exports that name it are done, with what earlier runs
  // wrote of the others. One of which an export failed is left as it was.
  Result<void> publish_manifests();

 private:
  struct Shared {
    std::map<std::string, runtime::ManifestEntry> entries{};  // by key
    std::string mask_key{};
    bool failed = false;
  };
  Result<void> run_group(const std::vector<const project::Export*>& exports, std::vector<ExportOutcome>& outcomes);
  // Of an incremental export: the manifest that it goes on from, and what is new since then.
  struct Increment {
    std::optional<runtime::FoundManifest> listed;
    NewRows rows;
    ReadMark mark;
  };
  // What is found at the object store before the database is read.
  struct Begun {
    std::unique_ptr<ObjectStore> store;
    PutCondition condition{};  // of one object
    std::optional<Increment> increment{};
  };
  Result<Begun> begin(const project::Export& out, Database& database) const;
  Result<runtime::ExportReport> run_one(const project::Export& out, Snapshot& snapshot, std::size_t query,
                                        const engine::Lineage& lineage, Begun begun);

  const Assembly& assembly_;
  const Work& work_;
  ExportRunOptions options_;
  // By connection and key.
  std::map<std::pair<std::string, std::string>, Shared> manifests_;
};

// A table that is not there yet and that the run makes before this step, an export or a model, or one behind it, whose
// columns are followed. Empty: none. What waits for nothing reads what must be there already.
Result<std::string> missing_table(const Work& work, std::size_t step, Database& database);

// Without reading a row: columns, lineage, and the check of personal data.
struct ExportPlan {
  Schema columns;  // of the object
  engine::Lineage lineage;
  // A table that a step before this one has to make first: then nothing else is known yet.
  std::string missing;
};
Result<ExportPlan> plan_export(const Assembly& assembly, const Work& work, const project::Export& out);

// The first rows as they would be written, checked as a run is; `each` may end it by false.
Result<void> first_exported(const Assembly& assembly, const Work& work, const project::Export& out,
                            const std::function<bool(const engine::Lineage&, const Batch&)>& each);

// The keys that the export publishes, in their order: read from its manifest where it has one.
Result<std::vector<std::string>> exported_keys(ObjectStore& store, const project::Export& out);

std::string export_text(const ExportOutcome& outcome, const std::string& uri);
Json export_json(const ExportOutcome& outcome, const std::string& uri);

}  // namespace sluice::assembly
