#include "sluice/local/spool.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <random>

#include "sluice/core/log.hpp"
#include "sluice/local/spool_folder.hpp"
#include "sluice/local/spool_segment.hpp"
#include "sluice/local/spool_source.hpp"

namespace sluice::local {
namespace {

constexpr std::size_t segment_messages_max = 10000;
constexpr std::size_t write_bytes = 1U << 20U;

// Nothing is thrown away but by deleting: the ledger must remember for as long as a file may lie there.
constexpr std::chrono::hours retention{24 * 365};

class Spool final : public Queue {
 public:
  Spool(std::string folder, std::chrono::seconds visibility, const Clock& clock)
      : path_(std::move(folder)), visibility_(visibility), clock_(clock) {}

  Result<QueueFacts> facts(std::chrono::seconds wait) override {
    SpoolFolder folder(path_);
    if (!folder.exists()) {
      // To wait for a folder is to wait for what is put into it.
      if (wait == std::chrono::seconds(0)) return missing();
      log::info("spool folder made, it was not there", {{"spool", path_}});
      SLUICE_CHECK(folder.make());
    }
    Result<QueueDepth> counted = depth(folder);
    if (!counted) return fail(std::move(counted).error().within("spool " + path_));
    QueueFacts facts;
    facts.depth = *counted;
    facts.visibility = visibility_;
    facts.retention = retention;
    return facts;
  }

  Result<std::unique_ptr<Source>> open_source() override {
    if (!SpoolFolder(path_).exists()) return missing();
    return std::make_unique<SpoolSource>(path_, visibility_, clock_);
  }

  Result<void> send(const std::vector<std::string>& bodies) override {
    const SpoolFolder folder(path_);
    SLUICE_CHECK(folder.make());
    for (std::size_t i = 0; i < bodies.size(); ++i) {
      if (bodies[i].find('\n') != std::string::npos) {
        return fail(Fault::failed,
                    "message " + std::to_string(i + 1) + " has a line break; in a spool a message is one line",
                    "JSON needs none: write it on one line");
      }
    }
    for (std::size_t from = 0; from < bodies.size(); from += segment_messages_max) {
      const std::size_t count = std::min(segment_messages_max, bodies.size() - from);
      Result<void> written = write_segment(folder, std::span(bodies).subspan(from, count));
      if (!written) return fail(std::move(written).error().within("spool " + path_));
    }
    return {};
  }

  std::vector<Finding> probe() override {
    SpoolFolder folder(path_);
    if (!folder.exists()) {
      return {{Finding::Level::warning, "spool " + path_ + ": the folder is not there",
               "the first run makes it; is the name right?"}};
    }
    const Result<QueueDepth> counted = depth(folder);
    if (!counted)
      return {{Finding::Level::bad, "spool " + path_ + ": " + counted.error().message, counted.error().hint}};
    return {{Finding::Level::good, "spool " + path_ + ": " + std::to_string(counted->visible) + " visible, " +
                                       std::to_string(counted->in_flight) + " in flight"}};
  }

 private:
  tl::unexpected<Error> missing() const {
    return fail(Fault::config, "spool " + path_ + ": the folder is not there", "make it, or correct 'spool'");
  }

  Result<QueueDepth> depth(SpoolFolder& folder) const {
    QueueDepth sum;
    SLUICE_TRY(const SpoolFolder::Lock lock, folder.lock());
    SLUICE_TRY(const std::vector<std::string> names, folder.segments());
    for (const std::string& name : names) {
      SLUICE_TRY(std::optional<Segment> segment, Segment::open(folder, name, clock_.now_micros()));
      if (!segment) continue;
      SLUICE_TRY(const QueueDepth one, segment->depth(clock_.now_micros()));
      sum.visible += one.visible;
      sum.in_flight += one.in_flight;
    }
    return sum;
  }

  // Written under a name that no reader looks at, then moved: it is there as a whole or not at all.
  Result<void> write_segment(const SpoolFolder& folder, std::span<const std::string> bodies) {
    const std::string name = next_name();
    const std::string unfinished = folder.file("." + name + ".new");
    {
      const File file(::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
      if (!file) return fail(system_error("make a file"));
      std::string bytes;
      std::uint64_t written = 0;
      const auto flush = [&]() -> Result<void> {
        SLUICE_CHECK(file.write(bytes.data(), bytes.size(), written));
        written += bytes.size();
        bytes.clear();
        return {};
      };
      for (const std::string& body : bodies) {
        bytes += body;
        bytes += '\n';
        if (bytes.size() >= write_bytes) SLUICE_CHECK(flush());
      }
      SLUICE_CHECK(flush());
      SLUICE_CHECK(file.sync());
    }
    if (rename(unfinished.c_str(), folder.file(name).c_str()) != 0)
      return fail(system_error("move a file into the folder"));
    return folder.sync();
  }

  // Sorts by time; random against other writers.
  std::string next_name() {
    std::random_device random;
    std::string time = std::to_string(clock_.now_micros());
    std::string number = std::to_string(++sent_);
    if (number.size() < 6) number.insert(0, 6 - number.size(), '0');
    return time + "-" + number + "-" + std::to_string(random()) + ".ndjson";
  }

  std::string path_;
  std::chrono::seconds visibility_;
  const Clock& clock_;
  std::uint64_t sent_ = 0;
};

}  // namespace

Result<std::unique_ptr<Queue>> open_spool(const Settings& settings, const Clock& clock) {
  const std::string given = settings.text("spool");
  if (given.empty())
    return fail(Fault::config, settings.place.text() + ": 'spool' names no folder", "write { spool: FOLDER }");
  SLUICE_TRY(const std::chrono::seconds visibility, settings.duration("visibility", std::chrono::seconds(30)));
  if (visibility < std::chrono::seconds(1) || visibility > std::chrono::hours(12)) {
    return fail(Fault::config, settings.find("visibility")->place.text() + ": 'visibility' must be from 1s to 12h");
  }
  const std::filesystem::path folder = std::filesystem::path(settings.folder) / given;
  return std::make_unique<Spool>(folder.lexically_normal().string(), visibility, clock);
}

}  // namespace sluice::local
