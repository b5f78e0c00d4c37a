-- Wireshark dissector for INT telemetry reports 0.5, 1.0 and 2.0 and the INT headers in the packets
-- that they carry.
--
--   tshark -X lua_script:scripts/hopscope.lua -r reports.pcap -Y int_report -V
--
-- or copy it into the folder that Help > About > Folders calls "Personal Lua Plugins". The ports of
-- the reports and the DSCP that marks INT are preferences of the protocol INT_REPORT:
--
--   tshark -X lua_script:scripts/hopscope.lua -o int_report.ports:6000 -o int_report.dscp:32 ...
--
-- INT is shown behind TCP and UDP; for INT in VXLAN-GPE, Geneve and GRE, in TLVs of 2.0, in reports
-- of Host-INT and in data packets use `hopscope decode --format text`.

local report = Proto("int_report", "INT Telemetry Report")
local int = Proto("int_md", "In-band Network Telemetry")

report.prefs.ports = Pref.range("UDP ports", "32766,1234,5900,6000", "Ports that reports go to",
                                65535)
report.prefs.dscp = Pref.uint("DSCP", 23, "DSCP that marks packets with INT")
report.prefs.dscp_mask = Pref.uint("DSCP mask", 63, "Bits of the DSCP that count")
report.prefs.int_port = Pref.uint("INT UDP port", 0, "UDP port that marks packets with INT; 0: none")
report.prefs.geant = Pref.bool("GEANT widths", false,
                               "INT 1.0 stacks have 64-bit times and 16-bit level 2 ports")

---------------------------------------------------------------------------------------------------
-- Fields

local f = {}

local function field(proto, key, make, name, ...)
  f[key] = make(proto.name:lower() .. "." .. key, name, ...)
  return f[key]
end

local function fields(proto, list)
  local made = {}
  for _, entry in ipairs(list) do made[#made + 1] = field(proto, table.unpack(entry)) end
  proto.fields = made
end

local yes_no = {[0] = "no", [1] = "yes"}
local nproto05 = {[0] = "Ethernet", [1] = "Drop header", [2] = "Switch Local header"}
local nproto10 = {[0] = "Ethernet", [1] = "IPv4", [2] = "IPv6"}
local rep_type = {[0] = "Inner Only", [1] = "INT", [2] = "IOAM"}
local in_type = {[0] = "none", [1] = "TLV", [2] = "Domain Specific Extension", [3] = "Ethernet",
                 [4] = "IPv4", [5] = "IPv6"}

fields(report, {
  {"version", ProtoField.uint8, "Version", base.DEC, nil, 0xF0},
  {"nproto05", ProtoField.uint8, "NProto", base.DEC, nproto05, 0x0F},
  {"length", ProtoField.uint8, "Length", base.DEC, nil, 0x0F},
  {"nproto10", ProtoField.uint32, "NProto", base.DEC, nproto10, 0x00E00000},
  {"md_bits10", ProtoField.uint32, "RepMdBits", base.HEX, nil, 0x001F8000},
  {"dropped05", ProtoField.uint32, "Dropped", base.DEC, yes_no, 0x00800000},
  {"congested05", ProtoField.uint32, "Congested queue", base.DEC, yes_no, 0x00400000},
  {"tracked05", ProtoField.uint32, "Tracked flow", base.DEC, yes_no, 0x00200000},
  {"dropped10", ProtoField.uint32, "Dropped", base.DEC, yes_no, 0x00000100},
  {"congested10", ProtoField.uint32, "Congested queue", base.DEC, yes_no, 0x00000080},
  {"tracked10", ProtoField.uint32, "Tracked flow", base.DEC, yes_no, 0x00000040},
  {"dropped10_early", ProtoField.uint32, "Dropped", base.DEC, yes_no, 0x00004000},
  {"congested10_early", ProtoField.uint32, "Congested queue", base.DEC, yes_no, 0x00002000},
  {"tracked10_early", ProtoField.uint32, "Tracked flow", base.DEC, yes_no, 0x00001000},
  {"hw_id", ProtoField.uint32, "Hardware id", base.DEC, nil, 0x0000003F},
  {"hw_id20", ProtoField.uint32, "Hardware id", base.DEC, nil, 0x0FC00000},
  {"sequence20", ProtoField.uint32, "Sequence number", base.DEC, nil, 0x003FFFFF},
  {"sequence", ProtoField.uint32, "Sequence number", base.DEC},
  {"switch_id", ProtoField.uint32, "Switch id", base.DEC},
  {"ingress_time", ProtoField.uint32, "Ingress timestamp", base.DEC},
  {"rep_type", ProtoField.uint32, "RepType", base.DEC, rep_type, 0xF0000000},
  {"in_type", ProtoField.uint32, "InType", base.DEC, in_type, 0x0F000000},
  {"report_length", ProtoField.uint32, "Report Length", base.DEC, nil, 0x00FF0000},
  {"md_length", ProtoField.uint32, "MD Length", base.DEC, nil, 0x0000FF00},
  {"dropped20", ProtoField.uint32, "Dropped", base.DEC, yes_no, 0x00000080},
  {"congested20", ProtoField.uint32, "Congested queue", base.DEC, yes_no, 0x00000040},
  {"tracked20", ProtoField.uint32, "Tracked flow", base.DEC, yes_no, 0x00000020},
  {"intermediate", ProtoField.uint32, "Intermediate report", base.DEC, yes_no, 0x00000010},
  {"md_bits20", ProtoField.uint16, "RepMdBits", base.HEX},
  {"domain_id", ProtoField.uint16, "Domain Specific ID", base.HEX},
  {"ds_md_bits", ProtoField.uint16, "DSMdBits", base.HEX},
  {"ds_md_status", ProtoField.uint16, "DSMdstatus", base.HEX},
  {"ds_metadata", ProtoField.bytes, "Domain specific metadata"},
  {"contents", ProtoField.bytes, "Inner contents"},
  {"ingress_port", ProtoField.uint16, "Ingress port", base.DEC},
  {"egress_port", ProtoField.uint16, "Egress port", base.DEC},
  {"l2_ingress_if", ProtoField.uint32, "Level 2 ingress interface", base.DEC},
  {"l2_egress_if", ProtoField.uint32, "Level 2 egress interface", base.DEC},
  {"hop_latency", ProtoField.uint32, "Hop latency", base.DEC},
  {"queue_id", ProtoField.uint8, "Queue id", base.DEC},
  {"queue_occupancy", ProtoField.uint24, "Queue occupancy", base.DEC},
  {"buffer_id", ProtoField.uint8, "Buffer id", base.DEC},
  {"buffer_occupancy", ProtoField.uint24, "Buffer occupancy", base.DEC},
  {"drop_reason", ProtoField.uint8, "Drop reason", base.DEC},
  {"egress_time", ProtoField.uint32, "Egress timestamp", base.DEC},
  {"ingress_time64", ProtoField.uint64, "Ingress timestamp", base.DEC},
  {"egress_time64", ProtoField.uint64, "Egress timestamp", base.DEC},
  {"tx_utilization", ProtoField.uint32, "Egress port TX utilisation", base.DEC},
  {"reserved_word", ProtoField.uint32, "Word of a reserved bit", base.HEX},
})

local int_type = {[1] = "INT-MD (hop-by-hop)", [2] = "destination", [3] = "INT-MX"}

fields(int, {
  {"marker", ProtoField.uint64, "Probe marker", base.HEX},
  {"shim_type", ProtoField.uint8, "Type", base.DEC, int_type},
  {"shim_type2", ProtoField.uint8, "Type", base.DEC, int_type, 0xF0},
  {"shim_npt", ProtoField.uint8, "NPT", base.DEC, nil, 0x0C},
  {"shim_length", ProtoField.uint8, "Length", base.DEC},
  {"shim_dscp", ProtoField.uint8, "Original DSCP", base.DEC, nil, 0xFC},
  {"shim_next", ProtoField.uint16, "Original port, protocol or DSCP", base.HEX},
  {"ver", ProtoField.uint8, "Version", base.DEC, nil, 0xF0},
  {"rep", ProtoField.uint8, "Replication request", base.DEC, nil, 0x0C},
  {"copy", ProtoField.uint8, "Copy", base.DEC, yes_no, 0x02},
  {"exceeded", ProtoField.uint8, "Max hop count exceeded", base.DEC, yes_no, 0x01},
  {"mtu_exceeded", ProtoField.uint8, "MTU exceeded", base.DEC, yes_no, 0x80},
  {"discard", ProtoField.uint8, "Discard", base.DEC, yes_no, 0x08},
  {"exceeded2", ProtoField.uint8, "Max hop count exceeded", base.DEC, yes_no, 0x04},
  {"mtu_exceeded2", ProtoField.uint8, "MTU exceeded", base.DEC, yes_no, 0x02},
  {"hop_ml", ProtoField.uint8, "Hop metadata length", base.DEC, nil, 0x1F},
  {"remaining", ProtoField.uint8, "Remaining hop count", base.DEC},
  {"ins_count", ProtoField.uint8, "Instruction count", base.DEC, nil, 0x1F},
  {"max_hops", ProtoField.uint8, "Max hop count", base.DEC},
  {"total_hops", ProtoField.uint8, "Total hop count", base.DEC},
  {"bitmap", ProtoField.uint16, "Instruction bitmap", base.HEX},
  {"domain", ProtoField.uint16, "Domain Specific ID", base.HEX},
  {"ds_instruction", ProtoField.uint16, "DS Instruction", base.HEX},
  {"ds_flags", ProtoField.uint16, "DS Flags", base.HEX},
  {"tail_protocol", ProtoField.uint8, "Original protocol", base.DEC},
  {"tail_port", ProtoField.uint16, "Original destination port", base.DEC},
  {"tail_dscp", ProtoField.uint8, "Original DSCP", base.DEC, nil, 0x3F},
  {"source_only", ProtoField.bytes, "Source-only or source-inserted metadata"},
  {"hop_count", ProtoField.uint32, "Hops", base.DEC},
  {"node_id", ProtoField.uint32, "Node id", base.DEC},
  {"h_ingress_port", ProtoField.uint16, "Level 1 ingress port", base.DEC},
  {"h_egress_port", ProtoField.uint16, "Level 1 egress port", base.DEC},
  {"h_latency", ProtoField.uint32, "Hop latency", base.DEC},
  {"h_queue_id", ProtoField.uint8, "Queue id", base.DEC},
  {"h_queue_occupancy", ProtoField.uint24, "Queue occupancy", base.DEC},
  {"h_ingress_time", ProtoField.uint32, "Ingress timestamp", base.DEC},
  {"h_egress_time", ProtoField.uint32, "Egress timestamp", base.DEC},
  {"h_ingress_time64", ProtoField.uint64, "Ingress timestamp", base.DEC},
  {"h_egress_time64", ProtoField.uint64, "Egress timestamp", base.DEC},
  {"h_l2_ingress", ProtoField.uint32, "Level 2 ingress interface", base.DEC},
  {"h_l2_egress", ProtoField.uint32, "Level 2 egress interface", base.DEC},
  {"h_l2_ingress16", ProtoField.uint16, "Level 2 ingress interface", base.DEC},
  {"h_l2_egress16", ProtoField.uint16, "Level 2 egress interface", base.DEC},
  {"h_congestion_queue", ProtoField.uint8, "Queue id", base.DEC},
  {"h_congestion", ProtoField.uint24, "Queue congestion", base.DEC},
  {"h_tx_utilization", ProtoField.uint32, "Egress port TX utilisation", base.DEC},
  {"h_buffer_id", ProtoField.uint8, "Buffer id", base.DEC},
  {"h_buffer_occupancy", ProtoField.uint24, "Buffer occupancy", base.DEC},
  {"h_checksum", ProtoField.uint32, "Checksum complement", base.HEX},
  {"h_reserved", ProtoField.uint32, "Word of a reserved bit", base.HEX},
  {"h_domain", ProtoField.bytes, "Domain specific metadata"},
})

local malformed = ProtoExpert.new("int_report.malformed", "Malformed telemetry report",
                                  expert.group.MALFORMED, expert.severity.ERROR)
local stopped = ProtoExpert.new("int_report.stopped",
                                "Another dissector stopped in the reported packet; it may be cut",
                                expert.group.UNDECODED, expert.severity.NOTE)
report.experts = {malformed, stopped}

---------------------------------------------------------------------------------------------------
-- Metadata words. A word is a list of {field, bytes}, "" for padding; a plan says which words a bitmap stands for.

local function bit_set(value, bit, width)
  return math.floor(value / 2 ^ (width - 1 - bit)) % 2 == 1
end

local function word_bytes(word)
  local bytes = 0
  for _, part in ipairs(word) do bytes = bytes + part[2] end
  return bytes
end

--- A word of all ones says that the node had no value.
local function add_word(tree, tvb, offset, word)
  local has_value = tvb(offset, word_bytes(word)):bytes():tohex():find("[^F]") ~= nil
  for _, part in ipairs(word) do
    if part[1] ~= "" then
      local item = tree:add(f[part[1]], tvb(offset, part[2]))
      if not has_value then item:append_text(" (no value)") end
    end
    offset = offset + part[2]
  end
  return offset
end

--- Words of a hop by instruction bit; `layout` is "0.5", "1.0", "geant" or "2.x".
local function hop_word(layout, bit)
  local wide = layout == "2.x" or layout == "geant"
  local words = {
    [0] = {{"node_id", 4}},
    [1] = {{"h_ingress_port", 2}, {"h_egress_port", 2}},
    [2] = {{"h_latency", 4}},
    [3] = {{"h_queue_id", 1}, {"h_queue_occupancy", 3}},
    [4] = wide and {{"h_ingress_time64", 8}} or {{"h_ingress_time", 4}},
    [5] = wide and {{"h_egress_time64", 8}} or {{"h_egress_time", 4}},
    [7] = {{"h_tx_utilization", 4}},
  }
  if layout == "0.5" then
    words[6] = {{"h_congestion_queue", 1}, {"h_congestion", 3}}
  elseif layout == "geant" then
    words[6] = {{"h_l2_ingress16", 2}, {"h_l2_egress16", 2}}
  else
    words[6] = {{"h_l2_ingress", 4}, {"h_l2_egress", 4}}
  end
  if layout == "2.x" then words[8] = {{"h_buffer_id", 1}, {"h_buffer_occupancy", 3}} end
  if layout ~= "0.5" then words[15] = {{"h_checksum", 4}} end
  return words[bit] or {{"h_reserved", 4}}
end

local function hop_words(layout, bitmap)
  local words, bytes = {}, 0
  for bit = 0, 15 do
    if bit_set(bitmap, bit, 16) then
      words[#words + 1] = hop_word(layout, bit)
      bytes = bytes + word_bytes(words[#words])
    end
  end
  return words, bytes
end

local report10_words = {
  [0] = {{"ingress_port", 2}, {"egress_port", 2}},
  [1] = {{"hop_latency", 4}},
  [2] = {{"queue_id", 1}, {"queue_occupancy", 3}},
  [3] = {{"egress_time", 4}},
  [4] = {{"queue_id", 1}, {"drop_reason", 1}, {"", 2}},
  [5] = {{"tx_utilization", 4}},
}

local report20_words = {
  [1] = {{"ingress_port", 2}, {"egress_port", 2}},
  [2] = {{"hop_latency", 4}},
  [3] = {{"queue_id", 1}, {"queue_occupancy", 3}},
  [4] = {{"ingress_time64", 8}},
  [5] = {{"egress_time64", 8}},
  [6] = {{"l2_ingress_if", 4}, {"l2_egress_if", 4}},
  [7] = {{"tx_utilization", 4}},
  [8] = {{"buffer_id", 1}, {"buffer_occupancy", 3}},
  [15] = {{"queue_id", 1}, {"drop_reason", 1}, {"", 2}},
}

---------------------------------------------------------------------------------------------------
-- INT headers in the reported packet

--- Stack of hops between `offset` and `stop`. Returns the number of hops.
local function dissect_hops(tree, tvb, offset, stop, layout, bitmap, hop_bytes)
  local words, baseline = hop_words(layout, bitmap)
  -- Only 2.x hops may be longer than their baseline words.
  if hop_bytes < baseline or hop_bytes == 0 or (layout ~= "2.x" and hop_bytes ~= baseline) then
    tree:add_proto_expert_info(malformed, "the hop length contradicts the instruction bitmap")
    return 0, offset
  end
  local hops = math.max(0, math.floor((math.min(stop, tvb:len()) - offset) / hop_bytes))
  for hop = 1, hops do
    local at = offset
    local where = tree:add(int, tvb(offset, hop_bytes), "Hop " .. hop .. " (1 is nearest the sink)")
    for _, word in ipairs(words) do
      -- The checksum complement is the last word of the hop.
      local is_checksum = word[1][1] == "h_checksum"
      local place = is_checksum and offset + hop_bytes - 4 or at
      add_word(where, tvb, place, word)
      if not is_checksum then at = at + word_bytes(word) end
    end
    local extra = hop_bytes - baseline
    if extra > 0 then where:add(f.h_domain, tvb(at, extra)) end
    offset = offset + hop_bytes
  end
  tree:add(f.hop_count, hops):set_generated()
  return hops, offset
end

local function dissect_int_05(tree, tvb, offset, stop)
  tree:add(f.ver, tvb(offset, 1))
  tree:add(f.rep, tvb(offset, 1))
  tree:add(f.copy, tvb(offset, 1))
  tree:add(f.exceeded, tvb(offset, 1))
  tree:add(f.ins_count, tvb(offset + 1, 1))
  tree:add(f.max_hops, tvb(offset + 2, 1))
  tree:add(f.total_hops, tvb(offset + 3, 1))
  tree:add(f.bitmap, tvb(offset + 4, 2))
  local hop_bytes = 4 * (tvb(offset + 1, 1):uint() % 32)
  local _, at = dissect_hops(tree, tvb, offset + 8, stop - 4, "0.5", tvb(offset + 4, 2):uint(),
                             hop_bytes)
  if at + 4 <= tvb:len() then
    tree:add(f.tail_protocol, tvb(at, 1))
    tree:add(f.tail_port, tvb(at + 1, 2))
    tree:add(f.tail_dscp, tvb(at + 3, 1))
  end
end

local function dissect_int_10(tree, tvb, offset, stop)
  tree:add(f.ver, tvb(offset, 1))
  tree:add(f.rep, tvb(offset, 1))
  tree:add(f.copy, tvb(offset, 1))
  tree:add(f.exceeded, tvb(offset, 1))
  tree:add(f.mtu_exceeded, tvb(offset + 1, 1))
  tree:add(f.hop_ml, tvb(offset + 2, 1))
  tree:add(f.remaining, tvb(offset + 3, 1))
  tree:add(f.bitmap, tvb(offset + 4, 2))
  local bitmap = tvb(offset + 4, 2):uint()
  local hop_bytes = 4 * (tvb(offset + 2, 1):uint() % 32)
  local _, spec = hop_words("1.0", bitmap)
  local _, geant = hop_words("geant", bitmap)
  -- Where the length fits only the other widths it is those.
  local is_geant = report.prefs.geant or (hop_bytes ~= spec and hop_bytes == geant)
  dissect_hops(tree, tvb, offset + 8, stop, is_geant and "geant" or "1.0", bitmap, hop_bytes)
end

local function dissect_int_2x(tree, tvb, offset, stop, is_mx)
  tree:add(f.ver, tvb(offset, 1))
  tree:add(f.discard, tvb(offset, 1))
  if not is_mx then
    tree:add(f.exceeded2, tvb(offset, 1))
    tree:add(f.mtu_exceeded2, tvb(offset, 1))
    tree:add(f.hop_ml, tvb(offset + 2, 1))
    tree:add(f.remaining, tvb(offset + 3, 1))
  end
  tree:add(f.bitmap, tvb(offset + 4, 2))
  tree:add(f.domain, tvb(offset + 6, 2))
  tree:add(f.ds_instruction, tvb(offset + 8, 2))
  tree:add(f.ds_flags, tvb(offset + 10, 2))
  local at = offset + 12
  if not is_mx then
    local hop_bytes = 4 * (tvb(offset + 2, 1):uint() % 32)
    local _
    _, at = dissect_hops(tree, tvb, at, stop, "2.x", tvb(offset + 4, 2):uint(), hop_bytes)
  end
  if at < stop and stop <= tvb:len() then tree:add(f.source_only, tvb(at, stop - at)) end
end

--- The shim at `offset` and what it announces. False where there is no INT.
local function dissect_shim(tvb, offset, tree)
  if offset + 12 > tvb:len() then return false end
  local first = tvb(offset, 1):uint()
  local is_2x = first >= 16
  local words = tvb(offset + (is_2x and 1 or 2), 1):uint()
  local kind = is_2x and math.floor(first / 16) or first
  if kind < 1 or kind > 3 or words < 3 then return false end
  -- What is marked as INT and has no header of INT is none.
  local version = math.floor(tvb(offset + 4, 1):uint() / 16)
  if is_2x and version ~= 2 then return false end
  if not is_2x and (version > 1 or tvb(offset + 8, 2):uint() == 0) then return false end
  local stop = offset + 4 * words + (is_2x and 4 or 0)
  local shown = math.min(stop, tvb:len()) - offset
  local node = tree:add(int, tvb(offset, shown))
  if is_2x then
    if offset + 16 > tvb:len() then return false end
    node:add(f.shim_type2, tvb(offset, 1))
    node:add(f.shim_npt, tvb(offset, 1))
    node:add(f.shim_length, tvb(offset + 1, 1))
    node:add(f.shim_next, tvb(offset + 2, 2))
    local names = {" (INT-MD 2.x)", " (destination)", " (INT-MX 2.x)"}
    node:append_text(names[kind])
    if kind == 2 then return true end
    dissect_int_2x(node, tvb, offset + 4, stop, kind == 3)
    return true
  end
  node:add(f.shim_type, tvb(offset, 1))
  node:add(f.shim_length, tvb(offset + 2, 1))
  if kind == 2 then
    node:append_text(" (destination)")
    return true
  end
  -- Bits 3 to 7 of the header's second byte: the instruction count of 0.5, reserved in 1.0.
  local is_05 = tvb(offset + 4, 1):uint() < 16 and tvb(offset + 5, 1):uint() % 32 ~= 0
  node:append_text(is_05 and " (INT-MD 0.5)" or " (INT-MD 1.0)")
  if is_05 then
    dissect_int_05(node, tvb, offset + 4, stop)
  else
    node:add(f.shim_dscp, tvb(offset + 3, 1))
    dissect_int_10(node, tvb, offset + 4, stop)
  end
  return true
end

--- Offset of the layer 4 header, its protocol and the DSCP of an IP packet; nil where cut.
local function find_l4(tvb, offset)
  if offset + 20 > tvb:len() then return nil end
  local version = math.floor(tvb(offset, 1):uint() / 16)
  if version == 4 then
    if tvb(offset + 6, 2):uint() % 0x2000 ~= 0 then return nil end  -- a later fragment
    local header = 4 * (tvb(offset, 1):uint() % 16)
    return offset + header, tvb(offset + 9, 1):uint(), math.floor(tvb(offset + 1, 1):uint() / 4)
  elseif version == 6 and offset + 40 <= tvb:len() then
    local dscp = math.floor(tvb(offset, 2):uint() / 64) % 64
    return offset + 40, tvb(offset + 6, 1):uint(), dscp
  end
  return nil
end

--- INT in an IP packet at `offset`, as the preferences mark it.
local function dissect_int_in_ip(tvb, offset, tree)
  local l4, protocol, dscp = find_l4(tvb, offset)
  if l4 == nil or l4 + 8 > tvb:len() or (protocol ~= 6 and protocol ~= 17) then return end
  local port = tvb(l4 + 2, 2):uint()
  local mask = report.prefs.dscp_mask
  local function masked(value)
    local result, bit = 0, 1
    for _ = 1, 6 do
      if value % 2 == 1 and math.floor(mask / bit) % 2 == 1 then result = result + bit end
      value, bit = math.floor(value / 2), bit * 2
    end
    return result
  end
  local is_port = report.prefs.int_port ~= 0 and port == report.prefs.int_port and protocol == 17
  if not is_port and masked(dscp) ~= masked(report.prefs.dscp) then return end
  local header = 8
  if protocol == 6 then
    if l4 + 20 > tvb:len() then return end
    header = 4 * math.floor(tvb(l4 + 12, 1):uint() / 16)
  end
  local shim = l4 + header
  if shim + 8 <= tvb:len() and tvb(shim, 8):bytes():tohex() == "AAAAAAAABBBBBBBB" then
    tree:add(f.marker, tvb(shim, 8))
    shim = shim + 8
  end
  dissect_shim(tvb, shim, tree)
end

--- The reported packet: Wireshark's own dissectors show it, then INT is looked for in it.
local function dissect_packet(tvb, offset, kind, pinfo, root, tree, may_have_int)
  if offset >= tvb:len() then return end
  local names = {ethernet = "eth_withoutfcs", ipv4 = "ip", ipv6 = "ipv6"}
  local columns = {pinfo.cols.protocol, pinfo.cols.info}
  for _, column in ipairs(columns) do column:fence() end
  local ok = pcall(function()
    Dissector.get(names[kind]):call(tvb(offset):tvb(), pinfo, root)
  end)
  if not ok then tree:add_proto_expert_info(stopped) end
  local ip = offset
  if kind == "ethernet" then
    if offset + 14 > tvb:len() then return end
    ip = offset + 14
    local ethertype = tvb(ip - 2, 2):uint()
    while (ethertype == 0x8100 or ethertype == 0x88A8) and ip + 4 <= tvb:len() do
      ethertype = tvb(ip + 2, 2):uint()
      ip = ip + 4
    end
    if ethertype ~= 0x0800 and ethertype ~= 0x86DD then return end
  end
  if may_have_int then dissect_int_in_ip(tvb, ip, root) end
end

---------------------------------------------------------------------------------------------------
-- Reports

local function too_short(tree)
  tree:add_proto_expert_info(malformed, "the report is shorter than its header says")
end

local function dissect_05(tvb, pinfo, root, tree)
  if tvb:len() < 12 then return too_short(tree) end
  tree:add(f.nproto05, tvb(0, 1))
  tree:add(f.dropped05, tvb(0, 4))
  tree:add(f.congested05, tvb(0, 4))
  tree:add(f.tracked05, tvb(0, 4))
  tree:add(f.hw_id, tvb(0, 4))
  tree:add(f.sequence, tvb(4, 4))
  tree:add(f.ingress_time, tvb(8, 4))
  local nproto = tvb(0, 1):uint() % 16
  local size = ({[0] = 0, [1] = 12, [2] = 16})[nproto]
  if size == nil or tvb:len() < 12 + size then return too_short(tree) end
  if nproto > 0 then
    tree:add(f.switch_id, tvb(12, 4))
    tree:add(f.ingress_port, tvb(16, 2))
    tree:add(f.egress_port, tvb(18, 2))
    tree:add(f.queue_id, tvb(20, 1))
  end
  if nproto == 1 then tree:add(f.drop_reason, tvb(21, 1)) end
  if nproto == 2 then
    tree:add(f.queue_occupancy, tvb(21, 3))
    tree:add(f.egress_time, tvb(24, 4))
  end
  local is_tracked = math.floor(tvb(1, 1):uint() / 32) % 2 == 1
  dissect_packet(tvb, 12 + size, "ethernet", pinfo, root, tree, is_tracked)
end

local function dissect_10(tvb, pinfo, root, tree)
  local length = 4 * (tvb(0, 1):uint() % 16)
  if length < 16 or tvb:len() < length then return too_short(tree) end
  tree:add(f.length, tvb(0, 1))
  tree:add(f.nproto10, tvb(0, 4))
  tree:add(f.md_bits10, tvb(0, 4))
  -- Some senders write the flags in front of the reserved bits; seen where they mean nothing else.
  local flags = tvb(2, 2):uint()
  local early = math.floor(flags / 0x1000) % 8 ~= 0 and math.floor(flags / 0x40) % 0x40 == 0
  local is_tracked = math.floor(flags / (early and 0x1000 or 0x40)) % 2 == 1
  for _, name in ipairs({"dropped10", "congested10", "tracked10"}) do
    tree:add(f[early and name .. "_early" or name], tvb(0, 4))
  end
  tree:add(f.hw_id, tvb(0, 4))
  tree:add(f.switch_id, tvb(4, 4))
  tree:add(f.sequence, tvb(8, 4))
  tree:add(f.ingress_time, tvb(12, 4))
  local md_bits = math.floor(tvb(0, 4):uint() / 32768) % 64
  local at = 16
  for bit = 0, 5 do
    if bit_set(md_bits, bit, 6) then
      if at + 4 > length then return too_short(tree) end
      add_word(tree, tvb, at, report10_words[bit])
      at = at + 4
    end
  end
  local nproto = math.floor(tvb(0, 4):uint() / 0x200000) % 8
  local kind = ({[0] = "ethernet", [1] = "ipv4", [2] = "ipv6"})[nproto]
  if kind ~= nil then dissect_packet(tvb, length, kind, pinfo, root, tree, is_tracked) end
end

--- One individual report of 2.0 from `offset` on; returns where the next one starts.
local function dissect_individual(tvb, offset, pinfo, root, tree)
  local words = tvb(offset + 1, 1):uint()
  local stop = offset + 4 + 4 * words
  -- 0xFF: to the end of the datagram; 0 with bytes behind it: a sender that does not fill it in.
  if words == 0xFF or words == 0 or stop > tvb:len() or tvb:len() - stop < 4 then
    stop = tvb:len()
  end
  local node = tree:add(report, tvb(offset, stop - offset), "Individual report")
  for _, name in ipairs({"rep_type", "in_type", "report_length", "md_length", "dropped20",
                         "congested20", "tracked20", "intermediate"}) do
    node:add(f[name], tvb(offset, 4))
  end
  local kind, inner = math.floor(tvb(offset, 1):uint() / 16), tvb(offset, 1):uint() % 16
  local at = offset + 4
  if kind == 1 then
    if at + 8 > stop then
      too_short(node)
      return stop
    end
    node:add(f.md_bits20, tvb(at, 2))
    node:add(f.domain_id, tvb(at + 2, 2))
    node:add(f.ds_md_bits, tvb(at + 4, 2))
    node:add(f.ds_md_status, tvb(at + 6, 2))
    local md_bits = tvb(at, 2):uint()
    local metadata_end = at + 8 + 4 * tvb(offset + 2, 1):uint()
    at = at + 8
    for bit = 1, 15 do
      if bit_set(md_bits, bit, 16) then
        local word = report20_words[bit] or {{"reserved_word", 4}}
        local size = bit == 15 and 4 or word_bytes(word)
        if at + size > stop then
          too_short(node)
          return stop
        end
        add_word(node, tvb, at, word)
        at = at + size
      end
    end
    if metadata_end > at and metadata_end <= stop then
      node:add(f.ds_metadata, tvb(at, metadata_end - at))
      at = metadata_end
    end
  end
  local contents = ({[3] = "ethernet", [4] = "ipv4", [5] = "ipv6"})[inner]
  if contents ~= nil then
    -- Some senders say IPv4 and put Ethernet there.
    if contents == "ipv4" and at < stop and math.floor(tvb(at, 1):uint() / 16) ~= 4 then
      contents = "ethernet"
    end
    dissect_packet(tvb(0, stop):tvb(), at, contents, pinfo, root, node, true)
  elseif at < stop then
    node:add(f.contents, tvb(at, stop - at))
  end
  return stop
end

local function dissect_20(tvb, pinfo, root, tree)
  if tvb:len() < 12 then return too_short(tree) end
  tree:add(f.hw_id20, tvb(0, 4))
  tree:add(f.sequence20, tvb(0, 4))
  tree:add(f.switch_id, tvb(4, 4))
  local at = 8
  while at + 4 <= tvb:len() do at = dissect_individual(tvb, at, pinfo, root, tree) end
end

-- Some senders write version 1 in front of a 2.0 layout with all lengths 0; 1.0 has a Length of at
-- least 4 there.
local function is_20_marked_1(tvb)
  if tvb(0, 1):uint() % 16 >= 4 or tvb:len() < 34 then return false end
  local types, report_length, md_length = tvb(8, 1):uint(), tvb(9, 1):uint(), tvb(10, 1):uint()
  local inner = types % 16
  return types < 32 and inner >= 3 and inner <= 5 and report_length == 0 and md_length == 0
end

function report.dissector(tvb, pinfo, root)
  if tvb:len() < 4 then return 0 end
  local version = math.floor(tvb(0, 1):uint() / 16)
  if version == 1 and is_20_marked_1(tvb) then version = 2 end
  local dissect = ({[0] = dissect_05, [1] = dissect_10, [2] = dissect_20})[version]
  if dissect == nil then return 0 end
  local names = {[0] = "0.5", [1] = "1.0", [2] = "2.0"}
  pinfo.cols.protocol = "INT report"
  pinfo.cols.info = "Telemetry report " .. names[version]
  local tree = root:add(report, tvb(), "INT Telemetry Report " .. names[version])
  tree:add(f.version, tvb(0, 1))
  dissect(tvb, pinfo, root, tree)
  return tvb:len()
end

local ports = DissectorTable.get("udp.port")
local known = ""

local function use_ports()
  if known ~= "" then ports:remove(known, report) end
  known = report.prefs.ports
  if known ~= "" then ports:add(known, report) end
end

report.prefs_changed = use_ports
use_ports()
