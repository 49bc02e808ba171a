#include "sluice/runtime/export.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "sluice/core/crash_point.hpp"
#include "sluice/core/log.hpp"
#include "sluice/objects/content_hash.hpp"
#include "sluice/objects/row_writer.hpp"

namespace sluice::runtime {
namespace {

// Counts and hashes what goes to another writer, or into memory.
class CountedWriter final : public ObjectWriter {
 public:
  explicit CountedWriter(ObjectWriter* next) : next_(next) {}
  Result<void> write(std::string_view bytes) override {
    bytes_ += bytes.size();
    hash_.add(bytes);
    if (next_ != nullptr) return next_->write(bytes);
    kept_ += bytes;
    return {};
  }
  Result<ObjectFacts> finish() override { return next_->finish(); }
  std::uint64_t bytes() const { return bytes_; }
  std::string hash() { return hash_.hex(); }
  const std::string& kept() const { return kept_; }

 private:
  ObjectWriter* next_;
  objects::ContentHash hash_;
  std::uint64_t bytes_ = 0;
  std::string kept_;
};

// The rows of an export, batch by batch, and the time each step takes.
class RowFeed {
 public:
  RowFeed(const ExportRows& rows, const ExportOptions& options, ExportReport& report)
      : rows_(rows), options_(options), report_(report) {
    report_.readers = rows.readers;
  }

  // The batches of the next read; empty at the end. Valid until the next call.
  Result<std::vector<Batch>*> next() {
    out_.clear();
    while (out_.empty()) {
      report_.stopped = options_.stop.stop_requested();
      if (report_.stopped) break;
      {
        const Stopwatch watch(report_.read);
        const Result<bool> more = rows_.reader->next(batch_);
        // A reader that was stopped gives an error, so that what is cut short is never taken for the end.
        report_.stopped = !more && options_.stop.stop_requested();
        if (report_.stopped) break;
        if (!more) return fail(more.error());
        if (!*more) break;
      }
      if (!rows_.select) {
        out_.push_back(batch_);
      } else {
        const Stopwatch watch(report_.select);
        SLUICE_CHECK(rows_.select(batch_, out_));
      }
    }
    for (const Batch& batch : out_) report_.rows += batch.rows;
    if (options_.progress) options_.progress(report_);
    return &out_;
  }

 private:
  const ExportRows& rows_;
  const ExportOptions& options_;
  ExportReport& report_;
  Batch batch_;
  std::vector<Batch> out_;
};

Result<void> write_all(const std::vector<Batch>& batches, objects::RowWriter& writer) {
  for (const Batch& batch : batches) SLUICE_CHECK(writer.write(batch));
  return {};
}

Result<std::unique_ptr<objects::RowWriter>> open_writer(const ExportOptions& options, std::string_view key,
                                                        std::shared_ptr<const Schema> schema, ObjectWriter& out) {
  if (options.open_writer) return options.open_writer(key, std::move(schema), out);
  return objects::open_row_writer(options.dialect, key, std::move(schema), out);
}

// Files below a prefix, one after the other, each kept in memory until its name is known.
class FileSet {
 public:
  FileSet(ObjectStore& store, std::string prefix, std::size_t file_bytes, const ExportRows& rows,
          const ExportOptions& options, ExportReport& report)
      : store_(store),
        prefix_(std::move(prefix)),
        file_bytes_(file_bytes),
        columns_(rows.columns),
        options_(options),
        report_(report) {
    if (options.append_to == nullptr) return;
    for (const ManifestEntry& entry : options.append_to->manifest.entries) ++listed_[entry.sha256];
  }

  Result<void> add(const std::vector<Batch>& batches) {
    const Stopwatch watch(report_.write);
    for (const Batch& batch : batches) {
      if (!writer_) SLUICE_CHECK(begin());
      SLUICE_CHECK(writer_->write(batch));
      rows_ += batch.rows;
      if (writer_->bytes() >= file_bytes_) SLUICE_CHECK(end());
    }
    return {};
  }

  // A table without rows gives one file without rows: its columns are part of the answer.
  Result<void> finish() {
    const Stopwatch watch(report_.write);
    if (!writer_ && report_.files.empty() && options_.append_to == nullptr) SLUICE_CHECK(begin());
    return writer_ ? end() : Result<void>();
  }

 private:
  Result<void> begin() {
    out_ = std::make_unique<CountedWriter>(nullptr);
    rows_ = 0;
    // Its name does not tell the compression: `auto` means none here.
    SLUICE_TRY(writer_, open_writer(options_, "", columns_, *out_));
    return {};
  }

  Result<void> end() {
    SLUICE_CHECK(writer_->finish());
    report_.bytes += writer_->bytes();
    writer_.reset();
    ManifestEntry entry;
    entry.rows = rows_;
    entry.bytes = out_->bytes();
    entry.sha256 = out_->hash();
    // Rows that came twice stand in two files, also for who reads all that is there. The next run counts alike.
    const std::size_t number = ++listed_[entry.sha256];
    entry.key = prefix_ + entry.sha256 + (number == 1 ? "" : "-" + std::to_string(number)) +
                std::string(objects::extension_of(options_.dialect));
    // Under this name there can be nothing else than these bytes.
    SLUICE_TRY(auto there, store_.head(entry.key));
    if (there && there->bytes == entry.bytes) {
      ++report_.unchanged;
    } else {
      const PutOptions put{.content_type = std::string(objects::content_type_of(options_.dialect, ""))};
      SLUICE_TRY(there, store_.put(entry.key, out_->kept(), put));
    }
    entry.version = there->version;
    report_.files.push_back(std::move(entry));
    SLUICE_CRASH_POINT("B1_file_up");
    return {};
  }

  ObjectStore& store_;
  std::string prefix_;
  std::size_t file_bytes_;
  std::shared_ptr<const Schema> columns_;
  const ExportOptions& options_;
  ExportReport& report_;
  std::unique_ptr<CountedWriter> out_;
  std::unique_ptr<objects::RowWriter> writer_;
  std::uint64_t rows_ = 0;                     // of the file being written
  std::map<std::string, std::size_t> listed_;  // how many files of these bytes there are already
};

// Removes files of ours that neither this manifest nor the one before it lists, once they are a day old: a reader of
// an older manifest, or a writer at work, may still want younger ones.
Result<void> sweep(ObjectStore& store, const std::string& prefix, const std::vector<const Manifest*>& manifests,
                   const Clock& clock) {
  std::set<std::string, std::less<>> listed;
  for (const Manifest* manifest : manifests) {
    for (const ManifestEntry& entry : manifest->entries) listed.insert(entry.key);
  }
  constexpr std::int64_t day = std::int64_t{24} * 3600 * 1000000;
  const std::int64_t oldest = clock.now_micros() - day;
  std::vector<std::string> old;
  SLUICE_CHECK(store.list(prefix, [&](const ObjectFacts& object) {
    const bool ours = objects::is_named_by_content(std::string_view(object.key).substr(prefix.size()));
    if (ours && object.modified < oldest && !listed.contains(object.key)) old.push_back(object.key);
    return true;
  }));
  for (const std::string& key : old) SLUICE_CHECK(store.remove(key));
  return {};
}

}  // namespace

std::string manifest_key(const std::string& prefix) { return prefix + "_manifest.json"; }

Result<PutCondition> find_condition(ObjectStore& store, const std::string& key) {
  auto there = store.head(key);
  if (!there) {
    // Who may write and not look can still hand out.
    if (there.error().fault != Fault::denied) return fail(std::move(there).error());
    log::debug("written without a condition", {{"object", store.uri(key)}, {"error", there.error().text()}});
    return PutCondition{};
  }
  if (!*there) return PutCondition{.if_absent = true};
  return PutCondition{.if_version = (*there)->version};
}

Result<ExportReport> export_object(ObjectStore& store, const std::string& key, const ExportRows& rows,
                                   const ManifestEntry* before, const ExportOptions& options) {
  ExportReport report;
  {
    const Stopwatch all(report.elapsed);
    const PutOptions put{.content_type = std::string(objects::content_type_of(options.dialect, key)),
                         .condition = options.condition};
    SLUICE_TRY(const auto object, store.open_writer(key, put));
    CountedWriter out(object.get());
    SLUICE_TRY(const auto writer, open_writer(options, key, rows.columns, out));
    RowFeed feed(rows, options, report);
    while (true) {
      SLUICE_TRY(const std::vector<Batch>* batches, feed.next());
      if (report.stopped) return report;
      if (batches->empty()) break;
      const Stopwatch watch(report.write);
      SLUICE_CHECK(write_all(*batches, *writer));
      SLUICE_CRASH_POINT("B1_rows_written");
    }
    const Stopwatch watch(report.write);
    SLUICE_CHECK(writer->finish());
    report.bytes = writer->bytes();
    ManifestEntry entry{key, report.rows, out.bytes(), out.hash(), {}};
    if (before != nullptr && before->sha256 == entry.sha256 && before->bytes == entry.bytes) {
      SLUICE_TRY(const auto there, store.head(key));
      if (there && there->version == before->version) {
        entry.version = there->version;
        ++report.unchanged;
      }
    }
    if (entry.version.empty()) {
      const Result<ObjectFacts> facts = out.finish();
      if (!facts && facts.error().fault == Fault::conflict) SLUICE_CRASH_POINT("B5_refused");
      if (!facts) return fail(facts.error());
      entry.version = facts->version;
      SLUICE_CRASH_POINT("B2_object_published");
    }
    report.files.push_back(std::move(entry));
  }
  report.calls = store.calls();
  return report;
}

Result<ExportReport> export_files(ObjectStore& store, const std::string& prefix, std::size_t file_bytes,
                                  const ExportRows& rows, Manifest manifest, const Clock& clock,
                                  const ExportOptions& options) {
  ExportReport report;
  {
    const Stopwatch all(report.elapsed);
    const std::string key = manifest_key(prefix);
    std::optional<FoundManifest> before;
    if (options.append_to != nullptr) {
      before = *options.append_to;
    } else {
      SLUICE_TRY(before, find_manifest(store, key));
    }
    FileSet files(store, prefix, file_bytes, rows, options, report);
    RowFeed feed(rows, options, report);
    while (true) {
      SLUICE_TRY(const std::vector<Batch>* batches, feed.next());
      if (report.stopped) return report;
      if (batches->empty()) break;
      SLUICE_CHECK(files.add(*batches));
    }
    SLUICE_CHECK(files.finish());
    SLUICE_CRASH_POINT("B3_files_up");
    manifest.columns = *rows.columns;
    if (options.append_to != nullptr) manifest.entries = options.append_to->manifest.entries;
    manifest.entries.insert(manifest.entries.end(), report.files.begin(), report.files.end());
    SLUICE_CHECK(publish_manifest(store, key, manifest, before));
    std::vector<const Manifest*> listed{&manifest};
    if (before) listed.push_back(&before->manifest);
    if (Result<void> swept = sweep(store, prefix, listed, clock); !swept)
      log::warning("old files not swept", {{"prefix", store.uri(prefix)}, {"error", swept.error().text()}});
  }
  report.calls = store.calls();
  return report;
}

}  // namespace sluice::runtime
