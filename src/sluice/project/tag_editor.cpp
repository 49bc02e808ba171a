#include "sluice/project/tag_editor.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <vector>

#include "sluice/project/reader.hpp"
#include "sluice/project/tree.hpp"

namespace sluice::project {
namespace {

struct Edit {
  std::size_t at = 0;
  std::size_t length = 0;  // of what is replaced
  std::string text;
};

tl::unexpected<Error> no_place(const Place& place, const std::string& tag) {
  return fail(Fault::config, place.text() + ": no place for `" + tag + "` can be found here with certainty",
              "write it by hand; nothing was changed");
}

std::optional<std::size_t> offset_of(const std::string& text, const Place& place) {
  std::size_t at = 0;
  for (int line = 1; line < place.line; ++line) {
    at = text.find('\n', at);
    if (at == std::string::npos) return std::nullopt;
    ++at;
  }
  at += static_cast<std::size_t>(place.column - 1);
  if (at >= text.size()) return std::nullopt;
  return at;
}

// The scalar as the file has it, with its quotes; empty where it is written in a way that hides where it ends.
std::string_view raw_scalar(const std::string& text, const Node& node) {
  const auto at = offset_of(text, node.place);
  if (!at || node.kind != Node::Kind::scalar || node.block) return {};
  const std::string_view rest = std::string_view(text).substr(*at);
  if (!node.quoted) return rest.starts_with(node.text) ? rest.substr(0, node.text.size()) : std::string_view{};
  const char quote = rest.front();
  const std::size_t size = node.text.size();
  if ((quote != '"' && quote != '\'') || rest.size() < size + 2) return {};
  if (rest.substr(1, size) != node.text || rest[size + 1] != quote) return {};
  return rest.substr(0, size + 2);
}

// `ip: text` becomes `ip: { type: text, pii: ip }`; in braces a plain decimal(10,2) would end at its comma.
std::optional<Edit> edit_scalar(const std::string& text, const Node& node, const FieldTag& tag) {
  const std::string_view raw = raw_scalar(text, node);
  if (raw.empty()) return std::nullopt;
  const bool quote = !node.quoted && raw.find_first_of(",[]{}") != std::string_view::npos;
  std::string type = quote ? '"' + std::string(raw) + '"' : std::string(raw);
  return Edit{static_cast<std::size_t>(raw.data() - text.data()), raw.size(),
              "{ type: " + std::move(type) + ", pii: " + tag.kind + " }"};
}

// Behind a scalar of the map, on its line or on one of its own below it.
std::optional<Edit> edit_map(const std::string& text, const Node& node, const Node* behind, const std::string& entry) {
  const auto begin = offset_of(text, node.place);
  if (behind == nullptr || !begin) return std::nullopt;
  const std::string_view raw = raw_scalar(text, *behind);
  if (raw.empty()) return std::nullopt;
  const std::size_t end = static_cast<std::size_t>(raw.data() - text.data()) + raw.size();
  if (text[*begin] == '{') return Edit{end, 0, ", " + entry};

  const auto key = offset_of(text, node.key_places[static_cast<std::size_t>(behind - node.items.data())]);
  if (!key) return std::nullopt;
  const std::size_t line = text.rfind('\n', *key) + 1;  // npos + 1 is the first
  const std::string indent = text.substr(line, *key - line);
  if (indent.find_first_not_of(' ') != std::string::npos) return std::nullopt;
  std::size_t line_end = std::min(text.find('\n', end), text.size());
  const bool crlf = line_end > 0 && line_end < text.size() && text[line_end - 1] == '\r';
  if (crlf) --line_end;
  return Edit{line_end, 0, (crlf ? "\r\n" : "\n") + indent + entry};
}

Node scalar(std::string text) {
  Node node;
  node.kind = Node::Kind::scalar;
  node.text = std::move(text);
  return node;
}

// The same edit on the tree: what the new text must read as.
void put_tag(Node& field, const FieldTag& tag) {
  if (field.kind != Node::Kind::map) {
    Node map;
    map.kind = Node::Kind::map;
    map.keys = {"type"};
    map.items = {std::move(field)};
    field = std::move(map);
  }
  const auto behind = std::ranges::find(field.keys, "type") - field.keys.begin() + 1;
  field.keys.insert(field.keys.begin() + behind, "pii");
  field.items.insert(field.items.begin() + behind, scalar(tag.kind));
}

Node list_of(const std::vector<std::string>& texts) {
  Node list;
  list.kind = Node::Kind::list;
  for (const std::string& text : texts) {
    list.items.push_back(scalar(text));
    list.items.back().quoted = !is_plain_name(text);
  }
  return list;
}

void put_entry(Node& map, std::size_t at, const std::string& key, Node value) {
  map.keys.insert(map.keys.begin() + static_cast<std::ptrdiff_t>(at), key);
  map.items.insert(map.items.begin() + static_cast<std::ptrdiff_t>(at), std::move(value));
}

// As YAML has it: a name of other characters in double quotes, which are escaped as in JSON.
std::string yaml_text(const std::string& text) {
  if (is_plain_name(text)) return text;
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

// The text's edit, and the same on the tree. Empty: there is no sure place.
std::optional<Edit> edit_personal(const std::string& text, Node& connection, const ColumnTags& tags) {
  std::string list;
  for (const std::string& column : tags.columns) list += (list.empty() ? "" : ", ") + yaml_text(column);
  const std::string entry = yaml_text(tags.table) + ": [" + list + "]";
  Node* personal = const_cast<Node*>(connection.find("personal"));
  if (personal == nullptr) {
    const auto edit = edit_map(text, connection, &connection.items.front(), "personal: { " + entry + " }");
    Node map;
    map.kind = Node::Kind::map;
    put_entry(map, 0, tags.table, list_of(tags.columns));
    put_entry(connection, 1, "personal", std::move(map));
    return edit;
  }
  Node* there = const_cast<Node*>(personal->find(tags.table));
  const auto begin = offset_of(text, there == nullptr ? personal->place : there->place);
  if (!begin) return std::nullopt;
  if (there == nullptr) {  // the first of the map
    if (text[*begin] != '{' || personal->keys.empty()) return std::nullopt;
    put_entry(*personal, 0, tags.table, list_of(tags.columns));
    return Edit{*begin + 1, 0, " " + entry + ","};
  }
  Node more = list_of(tags.columns);
  if (there->kind == Node::Kind::list) {
    if (text[*begin] != '[' || there->items.empty()) return std::nullopt;
    there->items.insert(there->items.begin(), more.items.begin(), more.items.end());
    return Edit{*begin + 1, 0, list + ", "};
  }
  const std::string_view raw = raw_scalar(text, *there);
  if (raw.empty()) return std::nullopt;
  more.items.push_back(*there);
  const std::string both = "[" + list + ", " + std::string(raw) + "]";
  *there = std::move(more);
  return Edit{*begin, raw.size(), both};
}

bool same(const Node& a, const Node& b, bool is_type) {
  if (a.kind != b.kind || a.text != b.text || a.keys != b.keys || a.items.size() != b.items.size()) return false;
  // A type may have got quotes; it is a text either way.
  if (!is_type && a.quoted != b.quoted) return false;
  for (std::size_t i = 0; i < a.items.size(); ++i) {
    if (!same(a.items[i], b.items[i], !a.keys.empty() && a.keys[i] == "type")) return false;
  }
  return true;
}

Node* find(Node* node, const std::string& key) {
  return node == nullptr ? nullptr : const_cast<Node*>(node->find(key));
}

tl::unexpected<Error> not_written(const std::string& file, int error) {
  return fail(error == EACCES || error == EPERM || error == EROFS ? Fault::denied : Fault::failed,
              file + ": not changed: " + std::strerror(error),
              "the file is as it was; its folder must be writable and have room");
}

bool write_all(int to, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(to, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

// With the mode, and as far as we may the owner, of the file whose place it will take.
bool write_draft(const std::string& draft, const struct stat& like, std::string_view text) {
  const int to = ::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (to < 0) return false;
  const bool owned = geteuid() != 0 || fchown(to, like.st_uid, like.st_gid) == 0;
  const bool done = owned && fchmod(to, like.st_mode & 07777U) == 0 && write_all(to, text) && fsync(to) == 0;
  const int error = errno;
  close(to);
  errno = error;
  return done;
}

}  // namespace

Result<TagEditor> TagEditor::open(const std::string& file) {
  TagEditor editor;
  // Behind links, since a rename would replace the link.
  const std::unique_ptr<char, decltype(&std::free)> real(realpath(file.c_str(), nullptr), &std::free);
  editor.file_ = real ? real.get() : file;
  SLUICE_TRY(editor.text_, read_tree_text(editor.file_));
  return editor;
}

Result<std::string> TagEditor::text_with(const Tags& tags) const {
  SLUICE_TRY(Node root, parse_tree(file_, text_));
  std::vector<Edit> edits;
  for (const FieldTag& tag : tags.fields) {
    Node* record = find(find(find(&root, "flows"), tag.flow), "record");
    Node* field = find(record, tag.field);
    if (field == nullptr)
      return fail(Fault::config, file_ + ": flow " + tag.flow + " has no field '" + tag.field + "' in its record");
    if (field->find("pii") != nullptr)
      return fail(Fault::config, field->place.text() + ": '" + tag.field + "' has a `pii:` already");
    const auto edit = field->kind == Node::Kind::map ? edit_map(text_, *field, field->find("type"), "pii: " + tag.kind)
                                                     : edit_scalar(text_, *field, tag);
    if (!edit) return no_place(field->place, "pii: " + tag.kind);
    edits.push_back(*edit);
    put_tag(*field, tag);
  }
  for (const ColumnTags& tag : tags.columns) {
    Node* connection = find(find(&root, "connections"), tag.connection);
    if (connection == nullptr || connection->items.empty())
      return fail(Fault::config, file_ + ": there is no connection '" + tag.connection + "'");
    const auto edit = edit_personal(text_, *connection, tag);
    if (!edit) return no_place(connection->place, "personal: { " + tag.table + ": ... }");
    edits.push_back(*edit);
  }
  // From the end, so that places before stay where they are.
  std::ranges::sort(edits, std::greater{}, &Edit::at);
  std::string text = text_;
  for (const Edit& edit : edits) text.replace(edit.at, edit.length, edit.text);
  const Result<Node> again = parse_tree(file_, text);
  if (!again || !same(root, *again, false)) {
    return fail(Fault::config, file_ + ": the tags cannot be placed with certainty in the way this file is written",
                "write them by hand; nothing was changed");
  }
  return text;
}

Result<void> TagEditor::write(const Tags& tags) const {
  SLUICE_TRY(const std::string text, text_with(tags));
  struct stat facts {};
  if (stat(file_.c_str(), &facts) != 0) return not_written(file_, errno);
  const std::string draft = file_ + ".draft-" + std::to_string(getpid());
  if (!write_draft(draft, facts, text)) {
    const int error = errno;
    if (error != EEXIST) unlink(draft.c_str());
    return not_written(file_, error);
  }
  const Result<std::string> now = read_tree_text(file_);
  if (!now || *now != text_) {
    unlink(draft.c_str());
    return fail(Fault::conflict, file_ + ": was changed meanwhile by somebody else; it is left as it is", "scan again");
  }
  if (rename(draft.c_str(), file_.c_str()) != 0) {
    const int error = errno;
    unlink(draft.c_str());
    return not_written(file_, error);
  }
  const std::size_t slash = file_.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : file_.substr(0, slash + 1);
  const int opened = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (opened >= 0) {
    fsync(opened);
    close(opened);
  }
  return {};
}

}  // namespace sluice::project
