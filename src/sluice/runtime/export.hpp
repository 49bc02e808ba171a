// Rows of a database as objects: read, put through a select, written, published.
//
// An object is seen whole or not at all. What was begun by a run that died is not seen, and is aborted or swept later.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "sluice/core/clock.hpp"
#include "sluice/core/object_store.hpp"
#include "sluice/core/snapshot.hpp"
#include "sluice/objects/format.hpp"
#include "sluice/objects/row_writer.hpp"
#include "sluice/runtime/manifest.hpp"

namespace sluice::runtime {

// Rows in, rows out, in order; appends to `out` what is valid as long as the batch that came in.
using BatchSelect = std::function<Result<void>(const Batch& in, std::vector<Batch>& out)>;

struct ExportRows {
  RowReader* reader = nullptr;
  BatchSelect select{};  // empty: they pass as they are
  std::shared_ptr<const Schema> columns;
  std::size_t readers = 1;  // that are behind `reader`
};

struct ExportReport {
  bool stopped = false;  // before all rows were read: nothing was published
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;           // before they were packed
  std::vector<ManifestEntry> files;  // that are published now, in their order
  std::uint64_t unchanged = 0;       // of these, those that were there already and were not sent
  std::size_t readers = 1;           // side by side
  double elapsed = 0;                // seconds
  double read = 0;                   // of these, waiting for the database and decoding
  double select = 0;
  double write = 0;                              // encoding, packing and sending
  std::map<std::string, std::uint64_t> calls{};  // at the object store, by kind

  double rows_per_second() const { return elapsed > 0 ? static_cast<double>(rows) / elapsed : 0; }
};

// Of one object: how its rows become bytes. `key` is "" where its name is not known yet.
using OpenRowWriter = std::function<Result<std::unique_ptr<objects::RowWriter>>(
    std::string_view key, std::shared_ptr<const Schema> schema, ObjectWriter& out)>;

struct ExportOptions {
  objects::Dialect dialect;
  OpenRowWriter open_writer{};  // empty: objects::open_row_writer, which knows every format but Parquet
  std::stop_token stop{};
  std::function<void(const ExportReport&)> progress{};
  // Of one object: what must hold of its key when it is published, as find_condition() found it.
  PutCondition condition{};
  // Of files: the manifest whose files stay listed before the new ones; null: the new ones take their place.
  const FoundManifest* append_to = nullptr;
};

// That nobody has written under `key` since now. No condition where the store may not be asked.
Result<PutCondition> find_condition(ObjectStore& store, const std::string& key);

// One object under `key`. `before` is what a manifest says of the last one: equal bytes are not published again.
Result<ExportReport> export_object(ObjectStore& store, const std::string& key, const ExportRows& rows,
                                   const ManifestEntry* before, const ExportOptions& options);

// Files of at most about `file_bytes` before packing, below `prefix`, each named by its content, then
// `PREFIX_manifest.json`, of which `manifest` gives all but columns and entries. Files of earlier runs that no
// manifest lists are removed after a day.
Result<ExportReport> export_files(ObjectStore& store, const std::string& prefix, std::size_t file_bytes,
                                  const ExportRows& rows, Manifest manifest, const Clock& clock,
                                  const ExportOptions& options);

std::string manifest_key(const std::string& prefix);

}  // namespace sluice::runtime
