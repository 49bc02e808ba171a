#include "sluice/project/tree.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace sluice::project {
namespace {

constexpr std::size_t size_max = 1U << 20U;
constexpr std::size_t depth_max = 32;

// Thrown through the parser, caught in read_tree(): its interface has no other way to stop it.
struct Stop {
  Error error;
};

class Builder final : public YAML::EventHandler {
 public:
  Builder(std::string file, std::string_view text) : file_(std::move(file)), text_(text) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Node node = make(Node::Kind::null, mark, anchor);
    // `null` is also a key of ours, which the event does not tell from a value that is missing.
    if (text_.substr(std::min(static_cast<std::size_t>(mark.pos), text_.size())).starts_with("null"))
      node.text = "null";
    add(std::move(node));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    stop(mark, "an alias (*name) is not allowed here", "write the value out, or quote a text that begins with *");
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_tag(mark, tag);
    Node node = make(Node::Kind::scalar, mark, anchor);
    node.text = value;
    node.quoted = tag == "!";  // how yaml-cpp marks quotes and blocks
    const auto at = static_cast<std::size_t>(mark.pos);
    node.block = node.quoted && at < text_.size() && (text_[at] == '|' || text_[at] == '>');
    if (!node.quoted && (value == "~" || value == "null" || value == "Null" || value == "NULL" || value.empty())) {
      node.kind = Node::Kind::null;
    }
    add(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    refuse_tag(mark, tag);
    open(make(Node::Kind::list, mark, anchor));
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    refuse_tag(mark, tag);
    open(make(Node::Kind::map, mark, anchor));
  }
  void OnMapEnd() override { close(); }

  Node take() { return std::move(root_); }

 private:
  struct Open {
    Node node;
    bool has_key = false;
  };

  Place place(const YAML::Mark& mark) const { return {file_, mark.line + 1, mark.column + 1}; }

  [[noreturn]] void stop(const YAML::Mark& mark, std::string what, std::string hint = {}) const {
    throw Stop{Error{Fault::config, place(mark).text() + ": " + std::move(what), std::move(hint)}};
  }

  void refuse_tag(const YAML::Mark& mark, const std::string& tag) const {
    if (!tag.empty() && tag != "!" && tag != "?") stop(mark, "a tag (!name) is not allowed here");
  }

  Node make(Node::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) const {
    if (anchor != 0) stop(mark, "an anchor (&name) is not allowed here", "quote a text that begins with &");
    Node node;
    node.kind = kind;
    node.place = place(mark);
    return node;
  }

  void open(Node node) {
    if (!open_.empty() && open_.back().node.kind == Node::Kind::map && !open_.back().has_key) {
      throw Stop{Error{Fault::config, node.place.text() + ": a key must be a plain text",
                       "quote a text that begins with { or ["}};
    }
    if (open_.size() == depth_max) throw Stop{Error{Fault::config, node.place.text() + ": nested too deep"}};
    open_.push_back({std::move(node)});
  }

  void close() {
    Node node = std::move(open_.back().node);
    open_.pop_back();
    add(std::move(node));
  }

  void add(Node node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.kind == Node::Kind::list) {
      parent.node.items.push_back(std::move(node));
    } else if (parent.has_key) {
      parent.node.items.push_back(std::move(node));
      parent.has_key = false;
    } else {
      add_key(parent, std::move(node));
    }
  }

  static void add_key(Open& parent, Node node) {
    const std::string at = node.place.text();
    const bool is_name = node.kind == Node::Kind::scalar || node.text == "null";  // a field may be called null
    if (!is_name || node.text.empty()) throw Stop{Error{Fault::config, at + ": a key must be a plain text"}};
    if (node.text == "<<")
      throw Stop{Error{Fault::config, at + ": a merge key (<<) is not allowed here", "write the keys out"}};
    const auto found = std::ranges::find(parent.node.keys, node.text);
    if (found != parent.node.keys.end()) {
      const Place& first = parent.node.key_places[static_cast<std::size_t>(found - parent.node.keys.begin())];
      throw Stop{Error{Fault::config, at + ": '" + node.text + "' is given twice; it stands already in line " +
                                          std::to_string(first.line)}};
    }
    parent.node.keys.push_back(std::move(node.text));
    parent.node.key_places.push_back(node.place);
    parent.has_key = true;
  }

  std::string file_;
  std::string_view text_;
  Node root_;
  std::vector<Open> open_;
};

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80                   ? 1
                               : lead >= 0xc2 && lead < 0xe0 ? 2
                               : lead >= 0xe0 && lead < 0xf0 ? 3
                               : lead >= 0xf0 && lead < 0xf5 ? 4
                                                             : 0;
    if (length == 0 || i + length > text.size()) return false;
    for (std::size_t j = 1; j < length; ++j) {
      if ((static_cast<unsigned char>(text[i + j]) & 0xC0U) != 0x80U) return false;
    }
    i += length;
  }
  return true;
}

}  // namespace

const Node* Node::find(std::string_view key) const {
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (keys[i] == key) return &items[i];
  }
  return nullptr;
}

std::string_view Node::in_words() const {
  switch (kind) {
    case Kind::null: return "nothing";
    case Kind::scalar: return "a text";
    case Kind::list: return "a list";
    case Kind::map: return "a map";
  }
  return "?";
}

Result<std::string> read_tree_text(const std::string& file) {
  std::error_code error;
  const auto status = std::filesystem::status(file, error);
  if (!std::filesystem::exists(status))
    return fail(Fault::config, file + ": there is no such file", "`sluice demo DIR` makes a project to start from");
  if (std::filesystem::is_directory(status))
    return fail(Fault::config, file + ": is a folder, not a project file", "name the YAML file in it");
  std::ifstream in(file, std::ios::binary);
  if (!in) return fail(Fault::config, file + ": cannot be read", "look at its rights");
  std::string text(size_max + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > size_max) return fail(Fault::config, file + ": is larger than 1 MiB, which no project file is");
  if (!is_utf8(text) || text.find('\0') != std::string::npos)
    return fail(Fault::config, file + ": is not UTF-8 text", "save it as UTF-8");
  return text;
}

Result<Node> read_tree(const std::string& file) {
  SLUICE_TRY(const std::string text, read_tree_text(file));
  return parse_tree(file, text);
}

Result<Node> parse_tree(const std::string& file, const std::string& text) {
  try {
    std::istringstream in(text);
    YAML::Parser parser(in);
    Builder builder(file, text);
    if (!parser.HandleNextDocument(builder))
      return fail(Fault::config, file + ": is empty", "`sluice demo DIR` makes a project to start from");
    Node root = builder.take();
    Builder second(file, text);
    if (parser.HandleNextDocument(second)) {
      return fail(Fault::config, second.take().place.text() + ": a second document (---) is not allowed here");
    }
    if (root.kind == Node::Kind::null)
      return fail(Fault::config, file + ": is empty", "`sluice demo DIR` makes a project to start from");
    if (root.kind != Node::Kind::map) {
      return fail(Fault::config,
                  root.place.text() +
                      ": a project file is a map (name: ..., connections: ..., flows: ...), but here is " +
                      std::string(root.in_words()));
    }
    return root;
  } catch (const Stop& stop) {
    return fail(stop.error);
  } catch (const YAML::Exception& error) {
    const Place place{file, error.mark.line + 1, error.mark.column + 1};
    const bool alias = error.msg.find("anchor") != std::string::npos;
    return fail(Fault::config, place.text() + ": not YAML: " + error.msg,
                alias ? "quote a text that begins with *" : "");
  }
}

}  // namespace sluice::project
