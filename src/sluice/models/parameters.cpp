#include "sluice/models/parameters.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

#include "sluice/core/words.hpp"
#include "sluice/models/sql_text.hpp"

namespace sluice::models {
namespace {

std::string doubled(std::string_view text, std::string_view characters) {
  std::string out;
  for (const char c : text) {
    if (characters.find(c) != std::string_view::npos) out += c;
    out += c;
  }
  return out;
}

bool is_word(std::string_view text) {
  return !text.empty() && is_word_start(text.front()) && std::ranges::all_of(text, is_word_part);
}

class Writer {
 public:
  Writer(const std::string& sql, const ParameterValues& values, const Place& place)
      : sql_(sql), values_(values), place_(place) {}

  Result<std::string> write() {
    while (at_ < sql_.size()) {
      if (const std::size_t end = quoted_end(sql_, at_); end > at_) {
        out_.append(sql_, at_, end - at_);
        at_ = end;
      } else if (sql_.compare(at_, 2, "\\:") == 0) {
        out_ += ':';
        at_ += 2;
      } else if (sql_.compare(at_, 2, "::") == 0) {
        out_ += "::";
        at_ += 2;
      } else if (sql_[at_] == ':') {
        SLUICE_CHECK(put_in());
      } else {
        out_ += sql_[at_++];
      }
    }
    return std::move(out_);
  }

 private:
  Result<void> put_in() {
    const char next = at_ + 1 < sql_.size() ? sql_[at_ + 1] : '\0';
    const char quote = next == '\'' || next == '"' ? next : '\0';
    const std::size_t first = at_ + (quote == '\0' ? 1 : 2);
    std::size_t end = first;
    while (end < sql_.size() && is_word_part(sql_[end])) ++end;
    const bool closed = quote == '\0' || (end < sql_.size() && sql_[end] == quote);
    if (end == first || !is_word_start(sql_[first]) || !closed) {  // the colon of [1:2], {'a': 1} or :=
      out_ += sql_[at_++];
      return {};
    }
    const std::string name = sql_.substr(first, end - first);
    const std::string* value = values_.find(name);
    if (value == nullptr) return not_set(name);
    if (value->find('\0') != std::string::npos) return wrong("the value of :" + name + " has a NUL in it", "");
    SLUICE_CHECK(quote == '\'' ? as_text(*value) : quote == '"' ? as_identifier(name, *value) : as_it_is(name, *value));
    at_ = end + (quote == '\0' ? 0 : 1);
    return {};
  }

  Result<void> as_text(const std::string& value) {
    // The form with E reads the same whatever standard_conforming_strings says.
    const bool backslash = value.find('\\') != std::string::npos;
    out_ += backslash ? " E'" : "'";
    out_ += doubled(value, backslash ? "'\\" : "'") + "'";
    return {};
  }

  Result<void> as_identifier(const std::string& name, const std::string& value) {
    if (value.empty()) return wrong("the value of :\"" + name + "\" is empty, which no identifier is", "");
    out_ += '"' + doubled(value, "\"") + '"';
    return {};
  }

  Result<void> as_it_is(const std::string& name, const std::string& value) {
    if (is_number(value)) {
      out_ += value.starts_with('-') ? "(" + value + ")" : value;  // a minus before it would begin a comment
      return {};
    }
    if (!is_word(value)) {
      return wrong("the value of :" + name + " is neither one word nor one number",
                   "write :'" + name + "' for a text or a date, :\"" + name + "\" for an identifier");
    }
    out_ += value;
    return {};
  }

  Result<void> not_set(const std::string& name) {
    const std::string near = nearest(name, values_.names());
    return wrong("there is no value for :" + name, near.empty()
                                                       ? "set it by `vars: { " + name + ": ... }` or --var " + name +
                                                             "=..., or write \\: for a colon of SQL's own"
                                                       : "did you mean ':" + near + "'?");
  }

  tl::unexpected<Error> wrong(std::string what, std::string hint) const {
    Place at = place_;
    for (std::size_t i = 0; i < at_; ++i) {
      ++at.column;
      if (sql_[i] == '\n') {
        ++at.line;
        at.column = 1;
      }
    }
    return fail(Fault::config, at.text() + ": " + std::move(what), std::move(hint));
  }

  const std::string& sql_;
  const ParameterValues& values_;
  const Place& place_;
  std::size_t at_ = 0;
  std::string out_;
};

}  // namespace

const std::string* ParameterValues::find(const std::string& name) const {
  asked_.insert(name);
  const auto found = values_.find(name);
  return found == values_.end() ? nullptr : &found->second;
}

std::vector<std::string> ParameterValues::names() const {
  std::vector<std::string> out;
  for (const auto& [name, unused] : values_) out.push_back(name);
  return out;
}

Result<std::string> put_in_parameters(const std::string& sql, const ParameterValues& values, const Place& place) {
  return Writer(sql, values, place).write();
}

}  // namespace sluice::models
