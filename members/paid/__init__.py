"""Paid membership (付费会员): by invitation only, with versioned packs of benefits that are issued exactly once."""
