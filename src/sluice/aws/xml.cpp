#include "sluice/aws/xml.hpp"

#include <cstring>

namespace sluice::aws {
namespace {

// A text may be all spaces, and its line ends are its own: neither is touched.
constexpr unsigned flags = pugi::parse_escapes | pugi::parse_cdata | pugi::parse_ws_pcdata_single;

}  // namespace

pugi::xml_node parse_xml(pugi::xml_document& document, std::string& answer) {
  if (!document.load_buffer_inplace(answer.data(), answer.size(), flags, pugi::encoding_utf8)) return {};
  for (const pugi::xml_node& node : document.children()) {
    if (node.type() == pugi::node_element) return node;
  }
  return {};
}

std::optional<RemoteError> read_xml_error(const Response& response) {
  std::string answer = response.body;
  pugi::xml_document document;
  const pugi::xml_node root = parse_xml(document, answer);
  pugi::xml_node error = std::strcmp(root.name(), "Error") == 0 ? root : root.child("Error");
  if (!error) error = root.child("Errors").child("Error");
  RemoteError found{std::string(text_of(error, "Code"))};
  if (found.code.empty()) return std::nullopt;
  found.request_id = text_of(root, "RequestId");
  if (found.request_id.empty()) found.request_id = response.header("x-amzn-requestid");
  if (found.request_id.empty()) found.request_id = response.header("x-amz-request-id");
  found.region = text_of(error, "Region");
  return found;
}

}  // namespace sluice::aws
