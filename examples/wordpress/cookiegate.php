<?php
/**
 * Plugin Name: cookiegate
 * Description: The consent script in the head of every page; scripts and embeds that wait for consent; a link to the settings.
 * Requires at least: 6.2
 * Requires PHP: 7.4
 * License: Apache-2.0
 *
 * Copy it to wp-content/mu-plugins/cookiegate.php. How to use it: docs/how-to/wordpress.md.
 */

defined( 'ABSPATH' ) || exit;

/** Address of the service, without a slash at its end; empty where the site's own origin passes its addresses on. */
function cookiegate_service(): string {
	$service = defined( 'COOKIEGATE_SERVICE' ) ? COOKIEGATE_SERVICE : '';
	return untrailingslashit( (string) apply_filters( 'cookiegate_service', $service ) );
}

/** The policy's id of the site; empty where there is none, or no such id can be. */
function cookiegate_site(): string {
	$site = defined( 'COOKIEGATE_SITE' ) ? COOKIEGATE_SITE : '';
	$site = (string) apply_filters( 'cookiegate_site', $site );
	return preg_match( '/\A[a-z0-9][a-z0-9-]{0,62}\z/', $site ) ? $site : '';
}

/** Before everything else in the head, so that the banner is there soon. */
function cookiegate_print_script(): void {
	$site = cookiegate_site();
	if ( '' === $site ) {
		return;
	}
	// Escapes its attributes, and lets security plugins add a nonce.
	wp_print_script_tag(
		array(
			'async'        => (bool) apply_filters( 'cookiegate_async', true ),
			'src'          => esc_url_raw( cookiegate_service() . '/w/' . $site . '.js' ),
			'data-cfasync' => 'false',
		)
	);
}
add_action( 'wp_head', 'cookiegate_print_script', 0 );

/**
 * Marks scripts and frames, so that they wait for a purpose.
 *
 * @param string $html    Some HTML with tags of scripts or frames.
 * @param string $purpose One or more purposes of the policy, with spaces between them.
 */
function cookiegate_hold( string $html, string $purpose ): string {
	$tags = new WP_HTML_Tag_Processor( $html );
	while ( $tags->next_tag() ) {
		if ( 'SCRIPT' === $tags->get_tag() ) {
			if ( 'module' === $tags->get_attribute( 'type' ) ) {
				$tags->set_attribute( 'data-type', 'module' );
			}
			$tags->set_attribute( 'type', 'text/plain' );
			$tags->set_attribute( 'data-consent', $purpose );
		} elseif ( 'IFRAME' === $tags->get_tag() && is_string( $tags->get_attribute( 'src' ) ) ) {
			$tags->set_attribute( 'data-src', $tags->get_attribute( 'src' ) );
			$tags->remove_attribute( 'src' );
			$tags->set_attribute( 'data-consent', $purpose );
		}
	}
	return $tags->get_updated_html();
}

/**
 * Enqueued scripts, by their handles.
 *
 * @param string $tag    The script with what stands before and after it.
 * @param string $handle Its handle.
 */
function cookiegate_hold_script( $tag, $handle ): string {
	$purposes = (array) apply_filters( 'cookiegate_scripts', array() );
	$purpose  = (string) ( $purposes[ $handle ] ?? '' );
	return '' === $purpose ? (string) $tag : cookiegate_hold( (string) $tag, $purpose );
}
add_filter( 'script_loader_tag', 'cookiegate_hold_script', PHP_INT_MAX, 2 );

/**
 * Videos, posts and maps that WordPress embeds by their address.
 *
 * @param string|false $html What is embedded.
 * @param string       $url  Its address.
 */
function cookiegate_hold_embed( $html, $url ): string {
	$purpose = (string) apply_filters( 'cookiegate_embeds', '', $url );
	return '' === $purpose ? (string) $html : cookiegate_hold( (string) $html, $purpose );
}
add_filter( 'embed_oembed_html', 'cookiegate_hold_embed', PHP_INT_MAX, 2 );

/**
 * `[cookiegate]Privacy settings[/cookiegate]`: a link that opens the dialog, and leads to the service without JavaScript.
 *
 * @param array|string $attributes Not used.
 * @param string|null  $content    The link's text.
 */
function cookiegate_link( $attributes, $content = '' ): string {
	$site = cookiegate_site();
	if ( '' === $site ) {
		return '';
	}
	$text = trim( (string) $content );
	return sprintf(
		'<a href="%s" data-cookiegate-open>%s</a>',
		esc_url( cookiegate_service() . '/preferences/' . $site ),
		esc_html( '' === $text ? 'Privacy settings' : $text )
	);
}
add_shortcode( 'cookiegate', 'cookiegate_link' );
