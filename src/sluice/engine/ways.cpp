#include "sluice/engine/ways.hpp"

#include <algorithm>
#include <cctype>

namespace sluice::engine {

bool add(Ways& into, const Ways& more) {
  bool grown = false;
  for (const Way& way : more) {
    Way* known = nullptr;
    for (Way& other : into) {
      if (other.source == way.source && other.passage == way.passage && other.by == way.by) known = &other;
    }
    if (known == nullptr) {
      into.push_back(way);
      grown = true;
      continue;
    }
    if (way.unchanged && !known->unchanged) grown = known->unchanged = true;
    if (!way.equal && known->equal) {
      known->equal = false;
      grown = true;
    }
    if (!way.guessed && known->guessed) {
      known->guessed = false;
      grown = true;
    }
  }
  return grown;
}

bool same_sources(const Ways& left, const Ways& right) {
  return left.size() == right.size() && std::ranges::all_of(left, [&](const Way& way) {
           return std::ranges::any_of(right, [&](const Way& other) { return other.source == way.source; });
         });
}

bool tagged_in_clear(const Ways& ways) {
  return std::ranges::any_of(ways,
                             [](const Way& way) { return !way.source->pii.empty() && way.passage == Passage::clear; });
}

Ways tied(Ways ways) {
  std::erase_if(ways,
                [](const Way& way) { return way.source->pii.empty() || way.passage != Passage::clear || way.guessed; });
  for (Way& way : ways) way.equal = true;
  return ways;
}

Ways equated(const Ways& ways, const std::string& name) {
  Ways others = tied(ways);
  for (Way& way : others) {
    way.path += " -> = " + name;
    way.last = name;
    way.named = true;
  }
  return others;
}

Ways stepped(Ways ways, const std::string& text) {
  for (Way& way : ways) {
    way.path += " -> " + text;
    way.last = text;
    way.named = false;
  }
  return ways;
}

Ways called(Ways ways, const std::string& name) {
  if (name.empty()) return ways;
  for (Way& way : ways) {
    if (way.last == name) {
      way.named = true;
      continue;
    }
    way.path += (way.named ? " -> " : " as ") + name;
    way.last = name;
    way.named = true;
  }
  return ways;
}

Sources::Sources(const std::vector<Relation>& relations) {
  for (const Relation& relation : relations) {
    std::string prefix = relation.name + ".";
    if (!relation.schema.empty()) {
      prefix = relation.schema + "." + prefix;
    } else if (relation.name == "input") {
      prefix.clear();
    }
    for (const RelationColumn& column : relation.columns) {
      sources_.push_back({prefix + column.name, column.pii});
      by_column_[&column] = &sources_.back();
    }
  }
}

Ways Sources::from(const RelationColumn& column) const {
  const Source* source = by_column_.at(&column);
  return {{source, Passage::clear, "", true, source->name, column.name, true}};
}

Ways Sources::everything(const std::string& what) const {
  Ways ways;
  for (const Source& source : sources_) {
    if (source.pii.empty()) continue;
    ways.push_back({&source, Passage::clear, "", false, source.name + " -> " + what, what, false});
  }
  return ways;
}

Ways Sources::unknown_function(const std::string& function) {
  Ways ways = everything("table function " + function + "(), which is not known to be clean");
  for (Way& way : ways) way.guessed = true;
  if (!ways.empty()) return ways;
  const std::string name = "what " + function + "() reads";
  sources_.push_back({name, "text"});
  return {{&sources_.back(), Passage::clear, "", false, name, name, false, false, true}};
}

std::string shown(const std::string& name) {
  if (std::ranges::any_of(name, [](unsigned char c) { return c < ' '; })) return "(a name with control characters)";
  if (name.find_first_of("'(") == std::string::npos) return name;
  std::string out;
  for (std::size_t i = 0; i < name.size();) {
    const auto is_word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
    const char c = name[i];
    if (c == '\'') {
      const std::size_t end = name.find('\'', i + 1);
      out += "'...'";
      i = end == std::string::npos ? name.size() : end + 1;
    } else if (std::isdigit(static_cast<unsigned char>(c)) != 0 && (i == 0 || !is_word(name[i - 1]))) {
      while (i < name.size() && (is_word(name[i]) || name[i] == '.')) ++i;
      out += "...";
    } else {
      out += c;
      ++i;
    }
  }
  return out;
}

}  // namespace sluice::engine
