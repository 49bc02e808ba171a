// A YAML file as a tree of what a project file may hold: maps, lists and scalars, each with its place.
//
// Read from the parser's events, because yaml-cpp's own nodes accept a key given twice, resolve anchors
// and recurse without a limit.
#pragma once

#include <string>
#include <vector>

#include "sluice/core/result.hpp"
#include "sluice/core/settings.hpp"

namespace sluice::project {

struct Node {
  enum class Kind { null, scalar, list, map };
  Kind kind = Kind::null;
  Place place;
  std::string text;               // of a scalar
  bool quoted = false;            // "1" is a text, 1 may be a number
  bool block = false;             // a scalar written with | or >: its text starts on the next line
  std::vector<Node> items;        // of a list, or a map's values
  std::vector<std::string> keys;  // of a map, one an item, no two equal
  std::vector<Place> key_places;

  const Node* find(std::string_view key) const;
  // Of a scalar: where its text begins.
  Place text_place() const { return block ? Place{place.file, place.line + 1, 1} : place; }
  // "a map", "a list", "a text", "nothing": for messages.
  std::string_view in_words() const;
};

// Errors (config) say file:line:column. At most 1 MiB, 32 levels, one document, UTF-8.
Result<Node> read_tree(const std::string& file);
// The two halves of it.
Result<std::string> read_tree_text(const std::string& file);
Result<Node> parse_tree(const std::string& file, const std::string& text);

}  // namespace sluice::project
