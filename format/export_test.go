package format

// What the tests of package format_test share with those inside.
var JSONRoundTrip = jsonRoundTrip
