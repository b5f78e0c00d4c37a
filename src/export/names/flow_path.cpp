#include "export/names/flow_path.h"

namespace hopscope::exporter {

std::string path_text(const pipeline::Path& path, const Names& names) {
  std::string text = path.longer ? "...-" : "";
  for (unsigned i = 0; i < path.count; ++i) {
    if (i > 0) text += '-';
    text += names.switch_name(path.switch_id[i]);
  }
  return text;
}

std::string path_text(const pipeline::FlowSnapshot& flow, const Names& names) {
  pipeline::Path path;
  path.count = flow.hop_count;
  path.longer = flow.longer;
  for (unsigned i = 0; i < flow.hop_count; ++i) path.switch_id[i] = flow.hops[i].switch_id;
  return path_text(path, names);
}

}  // namespace hopscope::exporter
