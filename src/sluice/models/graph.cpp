#include "sluice/models/graph.hpp"

#include <strings.h>

#include <algorithm>
#include <set>

#include "sluice/core/words.hpp"

namespace sluice::models {
namespace {

bool same(const std::string& a, const std::string& b) { return strcasecmp(a.c_str(), b.c_str()) == 0; }

// Where PostgreSQL and DuckDB look for a name without schema, unless told otherwise.
bool is_default(const std::string& schema) { return schema.empty() || same(schema, "public") || same(schema, "main"); }

bool at_home(const GraphTable& read, const GraphTable& written) {
  return read.name.schema.empty() && !read.home.empty() && same(written.name.schema, read.home);
}

bool is_same_table(const GraphTable& a, const GraphTable& b) {
  if (a.connection != b.connection || !same(a.name.table, b.name.table)) return false;
  return same(a.name.schema, b.name.schema) || (is_default(a.name.schema) && is_default(b.name.schema));
}

bool may_be_written_by(const GraphTable& read, const GraphTable& written) {
  if (is_same_table(read, written)) return true;
  return read.connection == written.connection && same(read.name.table, written.name.table) && at_home(read, written);
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

}  // namespace

Result<Graph> Graph::make(std::vector<Step> steps) {
  Graph graph;
  graph.steps_ = std::move(steps);
  for (std::size_t i = 0; i < graph.steps_.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const Step& one = graph.steps_[i];
      const Step& other = graph.steps_[j];
      if (!same(one.name, other.name)) continue;
      return fail(Fault::config,
                  one.place.text() + ": " + one.kind + " '" + one.name + "' has the name of " +
                      (other.kind == "export" ? "an " : "a ") + other.kind + ", see " + other.place.text(),
                  "rename one of them");
    }
  }
  graph.connect();
  SLUICE_CHECK(graph.sort());
  return graph;
}

// A table in the step's own schema hides one of the same name elsewhere, as the database sees it.
std::vector<std::size_t> Graph::writers_of(const GraphTable& read) const {
  std::vector<std::size_t> found;
  bool home = false;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    for (const GraphTable& written : steps_[i].writes) {
      if (!may_be_written_by(read, written)) continue;
      if (at_home(read, written) && !home) {
        home = true;
        found.clear();
      }
      if (at_home(read, written) || !home) found.push_back(i);
    }
  }
  return found;
}

void Graph::connect() {
  waits_for_.resize(steps_.size());
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    std::set<std::size_t> before;
    for (const GraphTable& read : steps_[i].reads) {
      for (const std::size_t writer : writers_of(read)) {
        if (writer != i || !steps_[i].reads_itself) before.insert(writer);
      }
    }
    waits_for_[i].assign(before.begin(), before.end());
  }
}

Result<void> Graph::sort() {
  std::vector<bool> done(steps_.size(), false);
  while (order_.size() < steps_.size()) {
    std::size_t next = 0;
    const auto ready = [&](std::size_t step) {
      return !done[step] && std::ranges::all_of(waits_for_[step], [&](std::size_t before) { return done[before]; });
    };
    while (next < steps_.size() && !ready(next)) ++next;
    if (next == steps_.size()) {
      const auto start = static_cast<std::size_t>(std::ranges::find(done, false) - done.begin());
      return fail(Fault::config, cycle_from(start, done), "one of them must read another table");
    }
    done[next] = true;
    order_.push_back(next);
  }
  return {};
}

// Of the steps that are left each waits for another one that is left: following them comes back somewhere.
std::string Graph::cycle_from(std::size_t start, const std::vector<bool>& done) const {
  std::vector<std::size_t> path{start};
  while (true) {
    const auto before = std::ranges::find_if(waits_for_[path.back()], [&](std::size_t step) { return !done[step]; });
    const bool seen = std::ranges::find(path, *before) != path.end();
    path.push_back(*before);
    if (!seen) continue;
    const auto first = std::ranges::find(path, path.back());
    std::string text = steps_[*first].place.text() + ": a cycle: ";
    for (auto step = first; step != path.end(); ++step) text += (step == first ? "" : " reads ") + steps_[*step].name;
    return text;
  }
}

Result<std::vector<bool>> Graph::select(const std::vector<std::string>& selectors) const {
  std::vector<bool> chosen(steps_.size(), selectors.empty());
  std::vector<std::string> words;
  for (const std::string& text : selectors) {
    words.emplace_back();
    for (const char c : text) {
      if (c == ' ' || c == ',') {
        words.emplace_back();
      } else {
        words.back() += c;
      }
    }
  }
  std::erase(words, "");
  if (words.empty() && !selectors.empty()) {
    return fail(Fault::config, "nothing is named to select",
                "a variable may be empty; without --select everything runs");
  }
  for (const std::string& word : words) {
    const bool before = word.starts_with('+');
    const bool after = word.size() > 1 && word.ends_with('+');
    const std::string name = word.substr(before ? 1 : 0, word.size() - (before ? 1U : 0U) - (after ? 1U : 0U));
    const auto found = std::ranges::find(steps_, name, &Step::name);
    if (found == steps_.end()) {
      std::vector<std::string> names;
      for (const Step& step : steps_) names.push_back(step.name);
      return fail(Fault::config, "there is no flow or model '" + name + "' to select", did_you_mean(name, names));
    }
    const auto start = static_cast<std::size_t>(found - steps_.begin());
    // In order, or against it, one pass reaches everything.
    std::vector<bool> up(steps_.size(), false);
    std::vector<bool> down(steps_.size(), false);
    up[start] = down[start] = true;
    if (before) {
      for (auto step = order_.rbegin(); step != order_.rend(); ++step) {
        if (!up[*step]) continue;
        for (const std::size_t other : waits_for_[*step]) up[other] = true;
      }
    }
    if (after) {
      for (const std::size_t step : order_) {
        if (std::ranges::any_of(waits_for_[step], [&](std::size_t other) { return down[other]; })) down[step] = true;
      }
    }
    for (std::size_t i = 0; i < steps_.size(); ++i) chosen[i] = chosen[i] || up[i] || down[i];
  }
  return chosen;
}

void Graph::add_sources(const Step& step, std::vector<GraphTable>& found) const {
  for (const GraphTable& read : step.reads) {
    const bool seen = std::ranges::any_of(found, [&](const GraphTable& one) { return is_same_table(one, read); });
    if (!seen && writers_of(read).empty()) found.push_back(read);
  }
}

std::vector<GraphTable> Graph::sources_of(const Step& step) const {
  std::vector<GraphTable> found;
  add_sources(step, found);
  return found;
}

std::vector<GraphTable> Graph::sources() const {
  std::vector<GraphTable> found;
  for (const std::size_t step : order_) add_sources(steps_[step], found);
  return found;
}

std::string Graph::text() const {
  std::string out;
  for (const std::size_t number : order_) {
    const Step& step = steps_[number];
    std::vector<std::string> reads;
    std::vector<std::string> writes;
    for (const std::size_t before : waits_for_[number]) reads.push_back(steps_[before].name);
    for (const GraphTable& source : sources_of(step)) reads.push_back(source.text());
    for (const GraphTable& written : step.writes) writes.push_back(written.text());
    out += "  " + (reads.empty() ? "" : join(reads, ", ") + " -> ") + step.kind + " " + step.name;
    out += (writes.empty() ? "" : " -> " + join(writes, ", ")) + "\n";
  }
  return out;
}

std::string Graph::dot(std::string_view project) const {
  std::string out = "digraph " + quoted(std::string(project)) + " {\n  rankdir=LR;\n";
  for (const GraphTable& source : sources()) out += "  " + quoted(source.text()) + " [shape=cylinder];\n";
  for (const Step& step : steps_)
    out += "  " + quoted(step.name) + " [shape=" + (step.kind == "flow" ? "cds" : "box") + "];\n";
  for (const std::size_t number : order_) {
    for (const GraphTable& source : sources_of(steps_[number]))
      out += "  " + quoted(source.text()) + " -> " + quoted(steps_[number].name) + ";\n";
    for (const std::size_t before : waits_for_[number])
      out += "  " + quoted(steps_[before].name) + " -> " + quoted(steps_[number].name) + ";\n";
  }
  return out + "}\n";
}

}  // namespace sluice::models
