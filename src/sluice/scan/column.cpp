#include "sluice/scan/column.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <functional>
#include <utility>

#include "sluice/mask/canonical.hpp"

namespace sluice::scan {
namespace {

// What people write for "no value".
bool is_nothing(std::string_view text) {
  constexpr std::array nothing{"-", "n/a", "N/A", "NA", "null", "NULL", "None", "none", "unknown", "?", "0", "NaN"};
  return text.empty() || std::ranges::find(nothing, text) != nothing.end();
}

// Where a sentence, a list or JSON may have a value begin and end.
constexpr std::string_view between_words = " \t\r\n,;<>\"'()[]{}=|";

// The share of texts that hold such a word by accident.
double by_accident(const Detector& row) { return row.chance / 2; }

}  // namespace

std::string_view Verdict::tag() const {
  if (detector == nullptr || detector->tag.empty()) return {};
  return inside ? "text" : detector->tag;
}

std::string Verdict::what() const {
  if (detector == nullptr) return {};
  return inside ? "text that holds: " + std::string(detector->name) : std::string(detector->name);
}

Column::Column(std::string name) : name_(std::move(name)) {
  const auto table = detectors();
  assert(table.size() <= detectors_max);
  for (std::size_t i = 0; i < table.size(); ++i) {
    named_[i] = has_word(name_, table[i].words);
    against_[i] = has_word(name_, table[i].against);
  }
}

void Column::add(std::string_view value) {
  value = mask::trimmed(value.substr(0, value_bytes_max));
  if (is_nothing(value)) return;
  ++values_;
  distinct_.insert(std::hash<std::string_view>{}(value));
  const auto table = detectors();
  bool any = false;
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (!table[i].matches(value)) continue;
    ++matches_[i];
    any = any || table[i].alone > 0.5;
  }
  if (any || value.size() < 10 || value.find_first_of(between_words) == std::string_view::npos) return;

  std::array<bool, detectors_max> found{};
  for (std::size_t at = 0; at < value.size();) {
    const std::size_t begin = value.find_first_not_of(between_words, at);
    if (begin == std::string_view::npos) break;
    at = std::min(value.find_first_of(between_words, begin), value.size());
    std::string_view word = value.substr(begin, at - begin);
    while (!word.empty() && (word.back() == '.' || word.back() == ':' || word.back() == '!' || word.back() == '?'))
      word.remove_suffix(1);
    if (word.size() < 7) continue;
    for (std::size_t i = 0; i < table.size(); ++i) {
      if (table[i].inside && !found[i] && table[i].matches(word)) found[i] = true;
    }
  }
  for (std::size_t i = 0; i < table.size(); ++i) inside_[i] += found[i] ? 1U : 0U;
}

double Column::sure(std::size_t detector, double share) const {
  const Detector& row = detectors()[detector];
  const double above = std::max(0.0, (share - row.chance) / (1 - row.chance));
  const double full = std::min(1.0, above / row.full);
  // One value may match by accident, and a value that comes again proves nothing more.
  const double different = std::min(static_cast<double>(distinct_.size()), share * static_cast<double>(values_));
  const double amount = 1 - std::pow(std::clamp(row.chance, 0.1, 0.5), std::max(different, 0.0));
  const double look = (named_[detector] ? row.named : row.alone) * full * amount;
  // Without a value there is the name alone.
  const double name = named_[detector] && values_ == 0 ? sure_enough : 0;
  return std::max(look, name) * (against_[detector] ? 0.4 : 1);
}

Verdict Column::judge() const {
  Verdict best;
  Verdict other;  // not personal by itself: told only where nothing personal is found
  const auto table = detectors();
  const double values = std::max(1.0, static_cast<double>(values_));
  for (std::size_t i = 0; i < table.size(); ++i) {
    const double share = static_cast<double>(matches_[i]) / values;
    const double now = sure(i, share);
    Verdict& seat = table[i].tag.empty() ? other : best;
    if (now > seat.sure) seat = {&table[i], false, named_[i], now, share};
    if (!table[i].inside || inside_[i] < 2) continue;
    // A few texts that hold one are enough; the name of the column means less.
    const double inside = static_cast<double>(inside_[i]) / values;
    const double text = 0.9 * std::min(1.0, (inside - by_accident(table[i])) / 0.02 + 0.5) * table[i].alone;
    if (inside > by_accident(table[i]) && text > best.sure) best = {&table[i], true, named_[i], text, inside};
  }
  if (best.sure >= sure_enough) return best;
  return other.sure >= sure_enough ? other : Verdict{};
}

bool is_value(std::string_view name) {
  const std::string_view bare = mask::trimmed(name);
  return std::ranges::any_of(detectors(), [&](const Detector& row) { return row.alone > 0.5 && row.matches(bare); });
}

}  // namespace sluice::scan
