#include "sluice/assembly/export_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <set>

#include "sluice/assembly/connectors.hpp"
#include "sluice/assembly/parquet_rows.hpp"
#include "sluice/assembly/personal.hpp"
#include "sluice/assembly/table.hpp"
#include "sluice/core/crash_point.hpp"
#include "sluice/engine/parquet.hpp"
#include "sluice/engine/query_select.hpp"
#include "sluice/runtime/part_rows.hpp"

namespace sluice::assembly {
namespace {

using project::Export;
using project::Publish;

Result<std::unique_ptr<Database>> open_source(const Assembly& assembly, const Export& out) {
  return open_database(assembly.connection(out.connection), system_clock());
}

Result<std::unique_ptr<ObjectStore>> open_target(const Assembly& assembly, const Export& out) {
  return open_objects(assembly.connection(out.into.connection), system_clock());
}

std::string nonce() {
  std::random_device device;
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", device(), device(), device(), device());
}

// The primary key's id, where a mask took part.
std::string mask_key_of(const Assembly& assembly, const engine::Lineage& lineage) {
  const bool masked = std::ranges::any_of(
      lineage.paths, [](const engine::PersonalPath& path) { return path.passage == engine::Passage::masked; });
  return masked && assembly.keyring ? assembly.keyring->primary_id() : "";
}

// Equal values would no longer get equal tokens from one run to the next.
Result<void> check_mask_key(const Assembly& assembly, const std::string& uri, const std::string& used,
                            const std::string& now) {
  if (used.empty() || now.empty() || used == now || assembly.keyring->find(used) != nullptr) return {};
  return fail(Fault::config, uri + " lists objects made with mask key '" + used + "', which the keyring does not hold",
              "use the keyring they were made with, or take the manifest away to start anew");
}

struct ExportColumns {
  std::shared_ptr<const Schema> columns;
  std::optional<engine::QuerySelect> select;
};

Result<ExportColumns> columns_of(const Assembly& assembly, const Export& out, std::shared_ptr<const Schema> query) {
  if (out.select.empty()) return ExportColumns{std::move(query), std::nullopt};
  SLUICE_TRY(engine::QuerySelect select, engine::QuerySelect::open(*assembly.engine, out.select, out.select_place,
                                                                   *query, std::vector<std::string>(query->size())));
  auto columns = std::make_shared<const Schema>(select.columns());
  return ExportColumns{std::move(columns), std::move(select)};
}

constexpr const char* start_anew = "take the manifest away, or give another prefix, to start anew with all rows";

// Files of one list have the same columns.
Result<void> check_columns(const std::string& uri, const Schema& listed, const Schema& now) {
  const auto same = [](const Field& a, const Field& b) { return a.name == b.name && a.type == b.type; };
  if (std::ranges::equal(listed, now, same)) return {};
  return fail(Fault::conflict, uri + " lists files with other columns than the flow has now", start_anew);
}

// The mark stands in the manifest: so the cursor, too, must not be personal.
Result<void> check_cursor(const Assembly& assembly, const Export& out, PersonalColumns& personal,
                          const Schema& columns) {
  if (!out.incremental || out.incremental->cursor.empty()) return {};
  Export alone = out;
  alone.select = "select \"" + out.incremental->cursor + "\" from input";
  alone.select_place = out.incremental->place;
  SLUICE_CHECK(check_export(assembly, alone, personal, columns));
  return {};
}

std::string place_of(const Export& out) {
  return out.into.publish == Publish::object ? out.into.key : runtime::manifest_key(out.into.key);
}

}  // namespace

std::vector<ExportOutcome> ExportRuns::run(const std::vector<const Export*>& exports) {
  std::vector<ExportOutcome> outcomes;
  for (const Export* out : exports) outcomes.push_back({out});
  if (Result<void> ran = run_group(exports, outcomes); !ran) {
    for (ExportOutcome& outcome : outcomes) {
      if (!outcome.error && outcome.report.files.empty()) outcome.error = ran.error();
    }
  }
  for (const ExportOutcome& outcome : outcomes) {
    const project::IntoObjects& into = outcome.out->into;
    if (into.manifest.empty()) continue;
    Shared& shared = manifests_[{into.connection, into.manifest}];
    shared.failed = shared.failed || outcome.error || outcome.report.stopped;
    for (const runtime::ManifestEntry& entry : outcome.report.files) shared.entries[entry.key] = entry;
  }
  return outcomes;
}

void ExportRuns::leave_out(const Export& out) {
  if (!out.into.manifest.empty()) manifests_[{out.into.connection, out.into.manifest}].failed = true;
}

Result<void> ExportRuns::run_group(const std::vector<const Export*>& exports, std::vector<ExportOutcome>& outcomes) {
  SLUICE_TRY(const auto database, open_source(assembly_, *exports.front()));
  std::vector<ReadQuery> queries;
  // Before the moment that is read: what another run writes from now on is as new as ours, or newer.
  std::vector<Begun> begun;
  for (const Export* out : exports) {
    SLUICE_TRY(Begun made, begin(*out, *database));
    queries.push_back(out->query);
    if (made.increment) queries.back().sql = made.increment->rows.sql;
    begun.push_back(std::move(made));
  }
  SLUICE_TRY(const auto snapshot, database->open_snapshot(std::move(queries)));
  for (Begun& one : begun) {
    if (!one.increment) continue;
    SLUICE_TRY(one.increment->mark, database->mark_after(one.increment->rows, *snapshot));
  }
  PersonalColumns personal(assembly_, work_, assembly_.connection(exports.front()->connection), *database);
  // All of them before the first row of any.
  std::vector<engine::Lineage> lineages;
  for (std::size_t i = 0; i < exports.size(); ++i) {
    SLUICE_TRY(engine::Lineage lineage, check_export(assembly_, *exports[i], personal, *snapshot->columns(i)));
    SLUICE_CHECK(check_cursor(assembly_, *exports[i], personal, *snapshot->columns(i)));
    if (options_.warns) log_warnings(exports[i]->name, engine::warnings_of(lineage));
    lineages.push_back(std::move(lineage));
  }
  for (std::size_t i = 0; i < exports.size(); ++i) {
    if (options_.stop.stop_requested()) {
      outcomes[i].report.stopped = true;
      continue;
    }
    Result<runtime::ExportReport> report = run_one(*exports[i], *snapshot, i, lineages[i], std::move(begun[i]));
    if (report) {
      outcomes[i].report = *std::move(report);
    } else {
      outcomes[i].error = std::move(report).error();
    }
  }
  return {};
}

Result<ExportRuns::Begun> ExportRuns::begin(const Export& out, Database& database) const {
  Begun made;
  SLUICE_TRY(made.store, open_target(assembly_, out));
  if (out.into.publish == Publish::object) {
    SLUICE_TRY(made.condition, runtime::find_condition(*made.store, out.into.key));
  }
  if (!out.incremental) return made;
  Increment& increment = made.increment.emplace();
  SLUICE_TRY(increment.listed, runtime::find_manifest(*made.store, place_of(out)));
  const auto& listed = increment.listed;
  if (listed && listed->manifest.mark.empty()) {
    return fail(Fault::conflict,
                made.store->uri(place_of(out)) + " lists files that were not written by an incremental flow",
                start_anew);
  }
  SLUICE_TRY(increment.rows, database.new_rows(*out.incremental, listed ? listed->manifest.mark : ReadMark()));
  return made;
}

Result<runtime::ExportReport> ExportRuns::run_one(const Export& out, Snapshot& snapshot, std::size_t query,
                                                  const engine::Lineage& lineage, Begun begun) {
  ObjectStore* const store = begun.store.get();
  const Increment* const increment = begun.increment ? &*begun.increment : nullptr;
  SLUICE_TRY(ExportColumns columns, columns_of(assembly_, out, snapshot.columns(query)));
  const std::string mask_key = mask_key_of(assembly_, lineage);
  std::optional<runtime::FoundManifest> listed;
  const std::string manifest = out.into.publish == Publish::manifest ? place_of(out) : out.into.manifest;
  if (!manifest.empty()) {
    if (increment != nullptr) {
      listed = increment->listed;
    } else {
      SLUICE_TRY(listed, runtime::find_manifest(*store, manifest));
    }
    if (listed) SLUICE_CHECK(check_mask_key(assembly_, store->uri(manifest), listed->manifest.mask_key, mask_key));
  }
  SLUICE_TRY(PartedRows parted, snapshot.open_parts(query));
  const std::size_t readers = std::max<std::size_t>(1, parted.readers.size());
  std::unique_ptr<RowReader> reader;
  if (parted.readers.empty()) {
    SLUICE_TRY(reader, snapshot.open(query));
  } else {
    reader = std::make_unique<runtime::PartRows>(std::move(parted), options_.stop);
  }
  runtime::ExportRows rows{reader.get(), {}, columns.columns, readers};
  if (columns.select)
    rows.select = [&](const Batch& in, std::vector<Batch>& made) { return columns.select->run(in, made); };
  runtime::ExportOptions options{.dialect = out.into.dialect, .stop = options_.stop, .condition = begun.condition};
  std::shared_ptr<engine::Parquet> parquet;
  if (out.into.dialect.format == objects::Format::parquet) {
    SLUICE_TRY(parquet, engine::Parquet::open());
    const engine::ParquetOptions groups{.row_group_rows = out.into.row_group_rows};
    options.open_writer = [&parquet, groups, place = out.query.place](
                              std::string_view, std::shared_ptr<const Schema> schema,
                              ObjectWriter& to) -> Result<std::unique_ptr<objects::RowWriter>> {
      SLUICE_TRY(auto writer, parquet->open_writer(std::move(schema), to, groups));
      return std::make_unique<ParquetRows>(std::move(writer), place);
    };
  }
  if (options_.progress)
    options.progress = [this, &out](const runtime::ExportReport& report) { options_.progress(out.name, report); };
  if (out.into.publish == Publish::manifest) {
    runtime::Manifest made{.project = assembly_.project.name,
                           .flows = {out.name},
                           .snapshot = snapshot.name(),
                           .mask_key = mask_key,
                           .writer = nonce()};
    if (increment != nullptr) {
      made.mark = increment->mark;
      if (listed) {
        SLUICE_CHECK(check_columns(store->uri(manifest), listed->manifest.columns, *columns.columns));
        options.append_to = &*listed;
        if (made.mask_key.empty()) made.mask_key = listed->manifest.mask_key;
      }
    }
    return runtime::export_files(*store, out.into.key, out.into.file_bytes, rows, std::move(made), system_clock(),
                                 options);
  }
  const runtime::ManifestEntry* before = nullptr;
  if (listed) {
    for (const runtime::ManifestEntry& entry : listed->manifest.entries) {
      if (entry.key == out.into.key) before = &entry;
    }
  }
  if (!out.into.manifest.empty() && !mask_key.empty())
    manifests_[{out.into.connection, out.into.manifest}].mask_key = mask_key;
  return runtime::export_object(*store, out.into.key, rows, before, options);
}

Result<void> ExportRuns::publish_manifests() {
  for (const auto& [where, shared] : manifests_) {
    if (shared.failed) continue;
    const auto& [connection, key] = where;
    SLUICE_TRY(const auto store, open_objects(assembly_.connection(connection), system_clock()));
    SLUICE_TRY(const auto before, runtime::find_manifest(*store, key));
    runtime::Manifest manifest{.project = assembly_.project.name, .mask_key = shared.mask_key};
    for (const Export& out : assembly_.project.exports) {
      if (out.into.connection != connection || out.into.manifest != key) continue;
      const auto now = shared.entries.find(out.into.key);
      const runtime::ManifestEntry* entry = now == shared.entries.end() ? nullptr : &now->second;
      if (entry == nullptr && before) {
        const auto& old = before->manifest.entries;
        const auto found = std::ranges::find(old, out.into.key, &runtime::ManifestEntry::key);
        if (found != old.end()) entry = &*found;
      }
      if (entry == nullptr) continue;
      manifest.flows.push_back(out.name);
      manifest.entries.push_back(*entry);
    }
    SLUICE_CRASH_POINT("B3_files_up");
    if (options_.may_publish) {
      SLUICE_TRY(const bool may, options_.may_publish());
      if (!may) return {};
    }
    SLUICE_CHECK(runtime::publish_manifest(*store, key, manifest, before));
  }
  return {};
}

Result<std::string> missing_table(const Work& work, std::size_t wanted, Database& database) {
  const auto& steps = work.graph.steps();
  std::vector<std::size_t> open{wanted};
  std::set<std::size_t> seen(open.begin(), open.end());
  while (!open.empty()) {
    const std::size_t step = open.back();
    open.pop_back();
    if (work.is_flow(step) || work.graph.waits_for(step).empty()) continue;
    for (const models::GraphTable& read : steps[step].reads) {
      SLUICE_TRY(auto shape, database.shape_of(read.name));
      if (!shape && read.name.schema.empty() && !read.home.empty()) {
        SLUICE_TRY(shape, database.shape_of({read.home, read.name.table}));
      }
      if (!shape) return read.name.text();
    }
    for (const std::size_t before : work.graph.waits_for(step)) {
      if (seen.insert(before).second) open.push_back(before);
    }
  }
  return std::string();
}

Result<ExportPlan> plan_export(const Assembly& assembly, const Work& work, const Export& out) {
  SLUICE_TRY(const auto database, open_source(assembly, out));
  ExportPlan plan;
  const auto& steps = work.graph.steps();
  const auto step = std::ranges::find(steps, out.name, &models::Step::name);
  SLUICE_TRY(plan.missing, missing_table(work, static_cast<std::size_t>(step - steps.begin()), *database));
  if (!plan.missing.empty()) return plan;
  if (out.incremental) SLUICE_CHECK(database->new_rows(*out.incremental, {}));
  SLUICE_TRY(const auto snapshot, database->open_snapshot({out.query}));
  PersonalColumns personal(assembly, work, assembly.connection(out.connection), *database);
  SLUICE_TRY(plan.lineage, check_export(assembly, out, personal, *snapshot->columns(0)));
  SLUICE_CHECK(check_cursor(assembly, out, personal, *snapshot->columns(0)));
  SLUICE_TRY(const ExportColumns columns, columns_of(assembly, out, snapshot->columns(0)));
  plan.columns = *columns.columns;
  return plan;
}

Result<void> first_exported(const Assembly& assembly, const Work& work, const Export& out,
                            const std::function<bool(const engine::Lineage&, const Batch&)>& each) {
  SLUICE_TRY(const auto database, open_source(assembly, out));
  SLUICE_TRY(const auto snapshot, database->open_snapshot({out.query}));
  PersonalColumns personal(assembly, work, assembly.connection(out.connection), *database);
  SLUICE_TRY(const engine::Lineage lineage, check_export(assembly, out, personal, *snapshot->columns(0)));
  SLUICE_TRY(ExportColumns columns, columns_of(assembly, out, snapshot->columns(0)));
  SLUICE_TRY(const auto reader, snapshot->open(0));
  Batch batch;
  std::vector<Batch> made;
  while (true) {
    SLUICE_TRY(const bool more, reader->next(batch));
    if (!more) return {};
    made.clear();
    if (columns.select) {
      SLUICE_CHECK(columns.select->run(batch, made));
    } else {
      made.push_back(batch);
    }
    for (const Batch& one : made) {
      if (!each(lineage, one)) return {};
    }
  }
}

Result<std::vector<std::string>> exported_keys(ObjectStore& store, const Export& out) {
  if (out.into.publish == Publish::object) return std::vector<std::string>{out.into.key};
  const std::string key = place_of(out);
  SLUICE_TRY(const auto found, runtime::find_manifest(store, key));
  if (!found) return fail(Fault::conflict, "there is no " + store.uri(key), "run the project first");
  std::vector<std::string> keys;
  for (const runtime::ManifestEntry& entry : found->manifest.entries) keys.push_back(entry.key);
  return keys;
}

std::string export_text(const ExportOutcome& outcome, const std::string& uri) {
  const runtime::ExportReport& report = outcome.report;
  std::string out =
      fmt::format("{}: {} row{} in {}, {} rows/s, {} bytes\n", outcome.out->name, thousands(report.rows),
                  report.rows == 1 ? "" : "s", seconds_text(report.elapsed),
                  thousands(static_cast<std::uint64_t>(report.rows_per_second())), thousands(report.bytes));
  if (report.stopped) return out + "  stopped: nothing of it was published\n";
  Table objects({"object", "rows", "bytes", "sha256"});
  objects.align_right({1, 2});
  constexpr std::size_t shown_max = 5;
  for (std::size_t i = 0; i < std::min(report.files.size(), shown_max); ++i) {
    const runtime::ManifestEntry& file = report.files[i];
    objects.add({uri + file.key, thousands(file.rows), thousands(file.bytes), file.sha256.substr(0, 16) + "..."});
  }
  out += objects.text();
  if (report.files.size() > shown_max) out += fmt::format("  and {} more\n", report.files.size() - shown_max);
  if (report.readers > 1) out += fmt::format("  read by {} connections side by side\n", report.readers);
  if (report.unchanged > 0) out += fmt::format("  {} as they were: not sent again\n", thousands(report.unchanged));
  Table times({"read", "select and mask", "encode and send"});
  times.align_right({0, 1, 2});
  times.add({seconds_text(report.read), seconds_text(report.select), seconds_text(report.write)});
  return out + times.text();
}

Json export_json(const ExportOutcome& outcome, const std::string& uri) {
  const runtime::ExportReport& report = outcome.report;
  Json objects = Json::array();
  for (const runtime::ManifestEntry& file : report.files) {
    objects.push_back({{"uri", uri + file.key},
                       {"key", file.key},
                       {"rows", file.rows},
                       {"bytes", file.bytes},
                       {"sha256", file.sha256},
                       {"version", file.version}});
  }
  return {{"flow", outcome.out->name},
          {"rows", report.rows},
          {"bytes", report.bytes},
          {"stopped", report.stopped},
          {"objects", objects},
          {"unchanged", report.unchanged},
          {"readers", report.readers},
          {"elapsed_seconds", report.elapsed},
          {"rows_per_second", report.rows_per_second()},
          {"seconds", {{"read", report.read}, {"select_and_mask", report.select}, {"encode_and_send", report.write}}},
          {"calls", report.calls}};
}

}  // namespace sluice::assembly
