package format

// The AGFL: a ring of blocks kept for the free space trees; sector 3. The ring fills the
// sector behind the header.
var (
	AGFL = newStruct("agfl", 36)

	AGFLMagicNum = u32[uint32](AGFL, "magicnum", 0, Hex)
	AGFLSeqNo    = u32[AGNumber](AGFL, "seqno", 4, Dec)
	AGFLUUID     = uuid(AGFL, "uuid", 8)
	AGFLLSN      = u64[LSN](AGFL, "lsn", 24, LSNKind)
	AGFLCRC      = crc(AGFL, "crc", 32)

	agflSlot    = newStruct("agflslot", 4)
	agflSlotBno = u32[AGBlock](agflSlot, "", 0, AGBlockPtr)

	_ = contents(AGFL, agflParts)
)

// AGFLSize is the number of slots in an AGFL of sectSize bytes.
func AGFLSize(sectSize int) int { return (sectSize - AGFL.Size) / agflSlot.Size }

// AGFLSlot returns the accessor of slot i of an AGFL.
func AGFLSlot(i int) U32[AGBlock] { return U32[AGBlock](AGFL.Size+i*agflSlot.Size) + agflSlotBno }

func agflParts(_ *Geometry, b []byte) ([]Part, error) {
	return repeat("bno", AGFL.Size, AGFLSize(len(b)), agflSlot), nil
}

// checkAGFL judges the slots: each empty, or a block of the group. Which ones are in use only
// the AGF knows, and used ones keep their old number.
func checkAGFL(g *Geometry, b []byte, _ Place, r report) *CorruptError {
	ag := AGFLSeqNo.Get(b)
	for i := range AGFLSize(len(b)) {
		if bno := AGFLSlot(i).Get(b); bno != NullAGBlock && !g.AllocatableAG(ag, bno) {
			if e := r.fault(bad("bno"+index(i), bno, inGroup(g, ag))); e != nil {
				return e
			}
		}
	}
	return nil
}
