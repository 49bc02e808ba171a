#include "sluice/project/schedule_reader.hpp"

#include "sluice/core/settings.hpp"
#include "sluice/core/words.hpp"
#include "sluice/project/reader.hpp"

namespace sluice::project {
namespace {

tl::unexpected<Error> at(const Node& node, Error error) { return fail(std::move(error).within(node.place.text())); }

Result<void> read_every(const Node& node, const Variables& variables, schedule::Schedule& out) {
  SLUICE_TRY(const std::string text, read_text(node, "every", variables));
  const auto every = parse_duration(text);
  if (!every || every->count() < 1)
    return fail(Fault::config, node.place.text() + ": 'every' is a time from 1s, as 30s, 5m, 2h or 7d");
  out.every = *every;
  return {};
}

Result<void> read_cron(const Node& node, const Variables& variables, schedule::Schedule& out) {
  SLUICE_TRY(const std::string text, read_text(node, "cron", variables));
  auto cron = schedule::parse_cron(text);
  if (!cron) return at(node, std::move(cron).error());
  out.cron = *cron;
  return {};
}

}  // namespace

Result<schedule::Schedule> read_schedule(const Node& node, const Variables& variables) {
  SLUICE_CHECK(check_keys(node, schedule_keys, "'schedule'"));
  schedule::Schedule out;
  const Node* cron = node.find("cron");
  const Node* every = node.find("every");
  if ((cron == nullptr) == (every == nullptr)) {
    return fail(
        Fault::config,
        node.place.text() + ": 'schedule' has " + (cron == nullptr ? "neither" : "both") + " of 'cron' and 'every'",
        "write { cron: \"15 6 * * *\", timezone: Europe/Tallinn }, or { every: 30s }");
  }
  if (cron != nullptr) SLUICE_CHECK(read_cron(*cron, variables, out));
  if (every != nullptr) SLUICE_CHECK(read_every(*every, variables, out));
  if (const Node* zone = node.find("timezone")) {
    SLUICE_TRY(const std::string name, read_text(*zone, "timezone", variables));
    auto found = schedule::Zone::find(name);
    if (!found) return at(*zone, std::move(found).error());
    out.zone = *found;
  }
  if (const Node* overlap = node.find("overlap")) {
    SLUICE_TRY(const std::string text, read_text(*overlap, "overlap", variables));
    if (text != "skip" && text != "queue") {
      return fail(Fault::config, overlap->place.text() + ": 'overlap' is skip or queue",
                  "skip leaves out what is due while the last run is at work; queue runs it afterwards");
    }
    out.overlap = text == "queue" ? schedule::Overlap::queue : schedule::Overlap::skip;
  }
  return out;
}

}  // namespace sluice::project
