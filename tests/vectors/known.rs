//! What is known to be other than the vectors: where we differ on purpose, and what is not checked.

/// An enum each of whose variants has a reason.
macro_rules! reasons {
    ($(#[$doc:meta])* $list:ident { $($variant:ident: $reason:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum $list {
            $($variant,)*
        }

        impl $list {
            pub(crate) const ALL: &[$list] = &[$($list::$variant),*];

            pub(crate) fn reason(self) -> &'static str {
                match self {
                    $($list::$variant => $reason,)*
                }
            }
        }
    };
}

reasons! {
    /// What we do otherwise than the vectors, on purpose.
    Deviation {
        ProjectIdIsDigits: "a project id is written in digits: no sign, no spaces, and no zero is lost",
        EmptySecretIsNone: "an empty secret key is none",
        KeyIsReadFirst: "of a DSN without a key and without a host, the key is asked for first",
        Ipv6KeepsBrackets: "an IPv6 address keeps its brackets, which its URL needs",
        BothIdsRequired: "a header without both ids continues nothing",
        DashAnnouncesAFlag: "a header that ends in a dash was cut off, and continues nothing",
        ZeroIdIsNone: "an id of zeros is none",
        DashedKeyIsWhole: "a key with a dash keeps all of its name",
        SecondsHaveFractions: "the seconds of a rate limit may have a fraction",
        CategoriesAreKnown: "what is no category of the protocol is left out, and an empty name in a list is not everything",
        NamespacesCount: "a limit on namespaces of metrics that we do not have does not concern us",
        LengthsAreTrue: "a payload that is not as long as its header says is an error",
        SamplerAloneChangesRate: "only a sampler changes the rate of a sampling context that came in",
        ContextStaysEmpty: "a trace that came without a sampling context has none, and gets none here",
        LimitOfTheSeed: "a message has a limit unless the program takes it away",
        QueueHasMemory: "what bounds the queue is its memory: it takes a burst of ten thousand items",
        OffIsNotCut: "breadcrumbs that are switched off are not counted as cut",
        AttachmentIsAlsoAnItem: "an attachment is counted by its bytes and as one item, as the protocol has both",
        RefusedIsSendError: "a server that answers was reached: what it refuses is a `send_error`",
        DisabledIsNotInitialized: "a client that cannot send does not call itself initialized",
        BadSwitchIsNamed: "a switch that is neither on nor off is an error that names its variable",
        BaggageNeedsItsTrace: "a baggage without the trace that it belongs to continues nothing",
        GitIsAskedAtBuildTime: "git is not run by a program that starts: the release is named when it is built",
        GroupIsOfErrors: "what Rust has are errors: a group of them is an `ErrorGroup`, and they come from its `errors`",
        IgnoredIsCounted: "what is ignored is lost, and counted as such",
        OneRegexIsNoTrap: "an expression in the list of ignored errors does not cost the errors that it does not match",
        CauseIsChained: "a cause is `chained` to the error that it caused, which is the newer form",
        SpanHasItsOwnName: "a tracing span is called what the program calls it, and its origin names our layer",
        DashIsUnderscore: "a name is the same with a dash and with an underscore",
        CookiesAreText: "cookies are the text of their header",
        DepthIsSearched: "maps within maps are searched, unless the program says no",
        AddressIsNoSecret: "an address is personal and no secret, and the attributes that hold one are listed too",
        PrintedAsRustPrints: "the text of a log prints values as Rust does",
        UserIsTheProgramsOwn: "a user that the program sets is on its logs, as it asked",
        PayloadHasNoType: "what an item is stands in its header, and an id is 32 digits",
        TokensHaveNewNames: "the parts of token counts have the names that the conventions give them today",
        FieldsAreSent: "fields of a tracing span are sent as what the program set itself",
    }
}

reasons! {
    /// What is not checked of areas that are.
    Unchecked {
        UnnamedLimits: "the limit of a stack's frames is no constant",
        NeedsAnError: "a capture of an error without an error does not compile",
    }
}
