//! The scripts of the shells, and how they ask.

use crate::cli::Shell;
use crate::complete::Candidates;

/// The line that tells a script to add the names of files.
const FILES: &str = ":files";

const BASH: &str = r#"# bash completion of qmp: source this file, or write it to
# ~/.local/share/bash-completion/completions/qmp
_qmp() {
    local IFS=$'\n'
    COMPREPLY=($(qmp __complete bash -- "${COMP_LINE:0:COMP_POINT}" 2>/dev/null))
    if [[ ${COMPREPLY[0]} == :files ]]; then
        local word="$2" sign=
        if [[ $word == @* ]]; then sign=@; else compopt -o filenames; fi
        COMPREPLY=("${COMPREPLY[@]:1}" $(compgen -P "$sign" -f -- "${word#@}"))
    fi
    if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[=.\]] ]]; then
        compopt -o nospace
    fi
}
complete -F _qmp qmp
"#;

const ZSH: &str = r#"#compdef qmp
# zsh completion of qmp: write this to a file _qmp in a folder of $fpath
_qmp() {
    local line text
    local -a found open open_about closed closed_about
    found=("${(@f)$(qmp __complete zsh -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    if [[ ${found[1]} == :files ]]; then
        shift found
        # In a value, the path begins behind these signs. The candidates are whole words.
        () {
            compset -P '*=@' || compset -P '*='
            _files
        }
    fi
    for line in "${found[@]}"; do
        text="${line%%$'\t'*}"
        [[ -z $text ]] && continue
        if [[ $text == *[=.\]] ]]; then
            open+=("$text") open_about+=("${line/$'\t'/  -- }")
        else
            closed+=("$text") closed_about+=("${line/$'\t'/  -- }")
        fi
    done
    (( ${#open} )) && compadd -S '' -l -d open_about -a open
    (( ${#closed} )) && compadd -l -d closed_about -a closed
    return 0
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _qmp "$@"
else
    compdef _qmp qmp
fi
"#;

const FISH: &str = r#"# fish completion of qmp: write this to ~/.config/fish/completions/qmp.fish
function __qmp_complete
    set -l found (qmp __complete fish -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)
    if test "$found[1]" = :files
        set -e found[1]
        # In a value, the path begins behind these signs.
        set -l token (commandline -ct)
        set -l key (string match -r '^[^=]*=@?' -- $token)
        set -q key[1]; or set key ''
        printf '%s\n' $key(__fish_complete_path (string replace -r '^[^=]*=@?' '' -- $token))
    end
    test -n "$found" && printf '%s\n' $found
end
complete -c qmp -f -a '(__qmp_complete)'
"#;

pub(super) const fn script(shell: Shell) -> &'static str {
    match shell {
        Shell::Bash => BASH,
        Shell::Zsh => ZSH,
        Shell::Fish => FISH,
    }
}

/// Returns the words behind `qmp` up to the cursor. Bash gives the line, because it splits words at
/// `=` and `:`; the other shells give words.
pub(super) fn words(shell: Shell, given: &[String]) -> Vec<String> {
    let line = match (shell, given) {
        (Shell::Bash, [line, ..]) => line,
        (Shell::Bash, []) => return Vec::new(),
        _ => return given.to_vec(),
    };
    // A word that is being written may have an open quote.
    let closed = ["", "'", "\""].iter().find_map(|quote| shlex::split(&format!("{line}{quote}")));
    let mut words = closed.unwrap_or_default();
    if !words.is_empty() {
        words.remove(0);
    }
    if line.ends_with([' ', '\t']) {
        words.push(String::new());
    }
    words
}

/// Returns the lines that a script expects.
pub(super) fn answer(shell: Shell, words: &[String], candidates: &Candidates) -> String {
    let mut lines = String::new();
    if candidates.files {
        lines.push_str(FILES);
        lines.push('\n');
    }
    let current = words.last().map(String::as_str).unwrap_or_default();
    // What bash takes for the word begins after these.
    let start = current.rfind(['=', ':']).map_or(0, |at| at + 1);
    for candidate in &candidates.list {
        match shell {
            Shell::Bash => lines.push_str(candidate.text.get(start..).unwrap_or_default()),
            Shell::Zsh | Shell::Fish => {
                lines.push_str(&candidate.text);
                if !candidate.about.is_empty() {
                    lines.push('\t');
                    lines.push_str(&candidate.about);
                }
            }
        }
        lines.push('\n');
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::complete::Candidate;

    #[test]
    fn bash_gives_a_line_and_gets_what_follows_its_word_break() {
        let line = |line: &str| words(Shell::Bash, &[line.to_owned()]);
        assert_eq!(line("qmp vm1 blockdev-add driver=qc"), ["vm1", "blockdev-add", "driver=qc"]);
        assert_eq!(line("qmp vm1 "), ["vm1", ""]);
        assert_eq!(line("qmp vm1 x a='b c"), ["vm1", "x", "a=b c"]);
        let list =
            vec![Candidate { text: "driver=qcow2".into(), about: "x".into(), is_required: false }];
        let candidates = Candidates { list, ..Candidates::default() };
        let words = line("qmp vm1 blockdev-add driver=qc");
        assert_eq!(answer(Shell::Bash, &words, &candidates), "qcow2\n");
        assert_eq!(answer(Shell::Fish, &words, &candidates), "driver=qcow2\tx\n");
    }
}
