package txn

// Note puts an item of the caller's into the checkpoint that the transaction becomes part of:
// something that only a recovery wants to know.
func (tx *Tx) Note(item Item) { tx.events = append(tx.events, event{note: &item}) }
