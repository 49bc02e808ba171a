// An answer in XML: its root, and the text of elements. Robust against pages that are no answer at all.
#pragma once

#include <optional>
#include <pugixml.hpp>
#include <string>
#include <string_view>

#include "sluice/aws/http.hpp"
#include "sluice/aws/remote_error.hpp"

namespace sluice::aws {

// The root element, or an empty node. Text of the nodes stands in `answer`, which is changed.
pugi::xml_node parse_xml(pugi::xml_document& document, std::string& answer);

inline std::string_view text_of(const pugi::xml_node& node, const char* child) { return node.child_value(child); }

// <Error>, or <...><Error> and <...><Errors><Error>; empty if it is none of these.
std::optional<RemoteError> read_xml_error(const Response& response);

}  // namespace sluice::aws
